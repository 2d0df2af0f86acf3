package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The type of a layer that is a SIF, and what it was before Singularity 3.7.
const (
	sifLayer    types.MediaType = "application/vnd.sylabs.sif.layer.v1.sif"
	oldSifLayer types.MediaType = "appliciation/vnd.sylabs.sif.layer.tar"
)

func remoteImage(ctx context.Context, wanted request) (v1.Image, error) {
	var options []name.Option
	if wanted.plainHTTP {
		options = append(options, name.Insecure)
	}
	text := strings.TrimPrefix(wanted.source, "oras://")
	reference, err := name.ParseReference(text, options...)
	if err != nil {
		return nil, fmt.Errorf("invalid reference %q: %w", text, err)
	}
	platform := v1.Platform{OS: "linux", Architecture: wanted.arch}
	return remote.Image(reference, remote.WithContext(ctx), remote.WithPlatform(platform))
}

// The one layer of an image, which must be a SIF. The type of the config is anything.
func onlyLayer(image v1.Image) (v1.Descriptor, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return v1.Descriptor{}, err
	}
	if len(manifest.Layers) != 1 {
		return v1.Descriptor{}, fmt.Errorf("the manifest has %d layers, not one", len(manifest.Layers))
	}
	layer := manifest.Layers[0]
	if layer.MediaType != sifLayer && layer.MediaType != oldSifLayer {
		return v1.Descriptor{}, fmt.Errorf("the layer is of type %q, no SIF", layer.MediaType)
	}
	return layer, nil
}

// apptainer resolves the reference four times: for the hash, for the size, to download, and for the
// digest that it prints at the end.
func pullOras(ctx context.Context, wanted request, path string) error {
	var expected v1.Descriptor
	for range 2 {
		image, err := remoteImage(ctx, wanted)
		if err != nil {
			return err
		}
		if expected, err = onlyLayer(image); err != nil {
			return err
		}
	}
	if err := throughLayout(ctx, wanted, path); err != nil {
		return err
	}
	if err := checkSIF(path, wanted.arch); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() != expected.Size {
		return fmt.Errorf("the image has %d bytes, the manifest says %d", info.Size(), expected.Size)
	}
	digest, err := fileDigest(path)
	if err != nil {
		return err
	}
	if digest != expected.Digest.String() {
		return fmt.Errorf("the image is %s, the manifest says %s", digest, expected.Digest)
	}
	image, err := remoteImage(ctx, wanted)
	if err != nil {
		return err
	}
	_, err = image.Digest()
	return err
}

// The whole image goes to an OCI layout in a temporary folder, config and all; its layer is copied
// from there.
func throughLayout(ctx context.Context, wanted request, path string) error {
	image, err := remoteImage(ctx, wanted)
	if err != nil {
		return err
	}
	layer, err := onlyLayer(image)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "oras-tmp-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	oci, err := layout.Write(folder, empty.Index)
	if err != nil {
		return err
	}
	if err := oci.AppendImage(image); err != nil {
		return err
	}
	blob, err := oci.Blob(layer.Digest)
	if err != nil {
		return err
	}
	defer blob.Close()
	file, err := create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, blob)
	return errors.Join(err, file.Close())
}
