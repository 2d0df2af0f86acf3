package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	library "github.com/apptainer/container-library-client/client"
)

// The values of an apptainer.conf that nobody changed.
var downloader = library.Downloader{Concurrency: 3, PartSize: 5 << 20, BufferSize: 32 << 10}

// apptainer no longer calls IsLibraryPullRef, it only splits the reference; what the library's own
// rule refuses is refused here all the same. With `--library`, a reference names no host.
func pullLibrary(ctx context.Context, wanted request, path string) error {
	if !library.IsLibraryPullRef(wanted.source) {
		return fmt.Errorf("invalid library reference %q", wanted.source)
	}
	if wanted.library == "" {
		return errors.New("-library URL is missing: there is no default library")
	}
	name, tag, tagged := strings.Cut(strings.TrimPrefix(wanted.source, "library://"), ":")
	if !tagged {
		tag = "latest"
	}
	client, err := library.NewClient(&library.Config{
		BaseURL:    wanted.library,
		UserAgent:  userAgent,
		HTTPClient: &http.Client{},
	})
	if err != nil {
		return err
	}
	image, err := client.GetImage(ctx, wanted.arch, name+":"+tag)
	if errors.Is(err, library.ErrNotFound) {
		return fmt.Errorf("the library has no %s:%s for %s", name, tag, wanted.arch)
	}
	if err != nil {
		return err
	}
	file, err := create(path)
	if err != nil {
		return err
	}
	err = client.ConcurrentDownloadImage(ctx, file, wanted.arch, name, tag, &downloader, nil)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	hash, err := library.ImageHash(path)
	if err != nil {
		return err
	}
	if hash != image.Hash {
		return fmt.Errorf("the image is %s, the library says %q", hash, image.Hash)
	}
	return nil
}
