module interop

go 1.25.7

require (
	github.com/apptainer/sif/v2 v2.24.1
	github.com/google/go-containerregistry v0.21.6
)

require (
	github.com/google/uuid v1.6.0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/spf13/cobra v1.10.2 // indirect
	github.com/spf13/pflag v1.0.10 // indirect
)
