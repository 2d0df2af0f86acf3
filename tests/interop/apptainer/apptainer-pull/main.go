// Pulls one image as `apptainer pull` does, with the libraries that apptainer pulls with:
//
//	apptainer-pull oras://HOST/NS/NAME:TAG DEST [-arch A] [-plain-http]
//	apptainer-pull library://NS/NAME:TAG DEST -library URL [-arch A]
//	apptainer-pull shub://HOST/NS/NAME:TAG DEST [-plain-http]
//	apptainer-pull https://… DEST
//
// It prints the SHA-256 of DEST, or one line with what was wrong and exits with 1. It exists because
// apptainer itself needs a C toolchain and a place to be installed, and what pulls is internal to it;
// what a registry must answer shows in the same requests and the same checks.
//
// Written afresh after apptainer at commit 917d66577963ca297352a22e13c86f1748ddc645:
//
//	oras.go     internal/pkg/client/oras/{pull,oras,layer}.go
//	sif.go      pkg/image/{image,sif,squashfs}.go, internal/pkg/util/machine/machine.go
//	library.go  internal/pkg/client/library/{pull,library}.go, internal/pkg/remote/endpoint/client.go
//	shub.go     internal/pkg/client/shub/{pull,api,util}.go
//	web.go      internal/pkg/client/net/pull.go
//	main.go     cmd/internal/cli/pull.go, internal/pkg/cache/cache.go
//
// Not done here: credentials, the cache, and the check of a PGP signature after a pull from a
// library, whose failure is a warning to apptainer.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const userAgent = "apptainer-pull (" + runtime.GOOS + " " + runtime.GOARCH + ")"

// What the command line asks for.
type request struct {
	source    string
	arch      string
	library   string
	plainHTTP bool
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "apptainer-pull: %s\n", strings.Join(strings.Fields(err.Error()), " "))
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 || strings.HasPrefix(args[0], "-") || strings.HasPrefix(args[1], "-") {
		return errors.New("usage: apptainer-pull SOURCE DEST [-arch A] [-plain-http] [-library URL]")
	}
	wanted := request{source: args[0]}
	flags := flag.NewFlagSet("apptainer-pull", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&wanted.arch, "arch", runtime.GOARCH, "architecture of the image")
	flags.StringVar(&wanted.library, "library", "", "URL of the library")
	flags.BoolVar(&wanted.plainHTTP, "plain-http", false, "without TLS")
	if err := flags.Parse(args[2:]); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}

	scheme, _, _ := strings.Cut(wanted.source, "://")
	pull := map[string]func(context.Context, request, string) error{
		"oras":    pullOras,
		"library": pullLibrary,
		"shub":    pullShub,
		"http":    pullWeb,
		"https":   pullWeb,
	}[scheme]
	if pull == nil {
		return fmt.Errorf("%q is no oras://, library://, shub:// or https:// reference", wanted.source)
	}
	return into(args[1], func(path string) error { return pull(context.Background(), wanted, path) })
}

// Nothing stands at dest unless the pull succeeded: apptainer copies an image out of its cache at
// the end.
func into(dest string, pull func(path string) error) error {
	if _, err := os.Lstat(dest); err == nil {
		return fmt.Errorf("%s exists already", dest)
	}
	folder, err := os.MkdirTemp(filepath.Dir(dest), ".apptainer-pull-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "image")
	if err := pull(path); err != nil {
		return err
	}
	digest, err := fileDigest(path)
	if err != nil {
		return err
	}
	if err := os.Rename(path, dest); err != nil {
		return err
	}
	fmt.Println(digest)
	return nil
}

func fileDigest(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}

// A new file with the mode that apptainer gives images, less the umask.
func create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o777)
}

func get(ctx context.Context, client *http.Client, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", userAgent)
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, fmt.Errorf("GET %s: %s", url, res.Status)
	}
	return res, nil
}

// Writes a body to a new file and returns its length.
func save(path string, body io.Reader) (int64, error) {
	file, err := create(path)
	if err != nil {
		return 0, err
	}
	written, err := io.Copy(file, body)
	return written, errors.Join(err, file.Close())
}
