package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/apptainer/sif/v2/pkg/sif"
)

// apptainer looks for the magic in the first bytes of a file, and as many of a partition.
const headSize = 2048

// The file is a SIF that a machine of the architecture can run. apptainer asks that of the machine
// it runs on: there an arm64 image fails on amd64, unless it can emulate arm64.
func checkSIF(path, arch string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	head := make([]byte, headSize)
	if _, err := io.ReadFull(file, head); err != nil || !bytes.Contains(head, []byte("SIF_MAGIC")) {
		return errors.New("what came is not a SIF")
	}
	container, err := sif.LoadContainer(file, sif.OptLoadWithFlag(os.O_RDONLY), sif.OptLoadWithCloseOnUnload(false))
	if err != nil {
		return fmt.Errorf("what came is not a SIF: %w", err)
	}
	defer container.UnloadContainer()
	primary, err := container.GetDescriptor(sif.WithPartitionType(sif.PartPrimSys))
	if err != nil {
		return nil // a SIF without a system is one, too
	}
	system, _, imageArch, err := primary.PartitionMetadata()
	if err != nil {
		return err
	}
	if system == sif.FsSquash {
		if err := checkSquashfs(file, primary.Offset()); err != nil {
			return fmt.Errorf("the system in the image: %w", err)
		}
	}
	runs := imageArch == arch || imageArch == "unknown" ||
		imageArch == "386" && arch == "amd64" || imageArch == "arm" && arch == "arm64"
	if !runs {
		return fmt.Errorf("the image is for %s, not %s", imageArch, arch)
	}
	return nil
}

func checkSquashfs(file *os.File, offset int64) error {
	head := make([]byte, headSize)
	if _, err := file.ReadAt(head, offset); err != nil {
		return err
	}
	if !bytes.HasPrefix(head, []byte("hsqs")) {
		return fmt.Errorf("no squashfs at %d", offset)
	}
	if compression := binary.LittleEndian.Uint16(head[20:]); compression < 1 || compression > 6 {
		return fmt.Errorf("unknown compression %d", compression)
	}
	return nil
}
