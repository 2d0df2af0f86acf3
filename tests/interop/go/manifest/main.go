// Prints the OCI manifest of a SIF image as go-containerregistry, with which apptainer pushes,
// encodes it: arguments are the file's name, digest and size, and the type of its layer.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func hash(text string) v1.Hash {
	parsed, err := v1.NewHash(text)
	if err != nil {
		panic(err)
	}
	return parsed
}

func main() {
	title, digest, layer := os.Args[1], os.Args[2], os.Args[4]
	size, err := strconv.ParseInt(os.Args[3], 10, 64)
	if err != nil {
		panic(err)
	}
	manifest := v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		Config: v1.Descriptor{
			MediaType: "application/vnd.sylabs.sif.config.v1+json",
			Size:      2,
			Digest:    hash("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
			Data:      []byte("{}"),
		},
		Layers: []v1.Descriptor{{
			MediaType:   types.MediaType(layer),
			Size:        size,
			Digest:      hash(digest),
			Annotations: map[string]string{"org.opencontainers.image.title": title},
		}},
	}
	bytes, err := json.Marshal(manifest)
	if err != nil {
		panic(err)
	}
	fmt.Print(string(bytes))
}
