// Scans one directory or image after the other with the library of syft: its command spends a second of each start on
// its table of licenses. Each line of standard input is a request, each line of standard output says that one is done.
package main

import (
	"bufio"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"os"
	"sync"

	"github.com/anchore/stereoscope/pkg/image"
	"github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/cataloging"
	"github.com/anchore/syft/syft/cataloging/filecataloging"
	"github.com/anchore/syft/syft/cataloging/pkgcataloging"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/format/spdxjson"
	"github.com/anchore/syft/syft/source"
	_ "modernc.org/sqlite" // Databases of rpm.
)

// version of syft, set by the linker.
var version string

type request struct {
	ID int `json:"id"`
	// Absolute path of a folder of which every path is told relatively; links that lead out of it are not followed.
	Directory string `json:"directory"`
	// Reference in a registry, where there is no folder.
	Image    string `json:"image"`
	Platform string `json:"platform"`
	// Whether the registry is asked by plain HTTP.
	Plain bool `json:"plain"`
	// Folder of unpacked layers that scans leave for each other, or nothing.
	Layers string `json:"layers"`
	// Whether every file is listed.
	Files bool `json:"files"`
	// File that gets the document, as SPDX in JSON.
	Output string `json:"output"`
}

type answer struct {
	ID    int    `json:"id"`
	Error string `json:"error,omitempty"`
}

func main() {
	out := json.NewEncoder(os.Stdout)
	var writing sync.Mutex
	var running sync.WaitGroup
	// The table; without it in the context, every scan makes one of its own.
	ctx, err := syft.SetContextLicenseScanner(context.Background(), syft.DefaultCreateSBOMConfig().Licenses)
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var asked request
		if err := json.Unmarshal(in.Bytes(), &asked); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		running.Add(1)
		go func() {
			defer running.Done()
			said := answer{ID: asked.ID}
			if err := scan(ctx, asked); err != nil {
				said.Error = err.Error()
			}
			writing.Lock()
			defer writing.Unlock()
			_ = out.Encode(said)
		}()
	}
	running.Wait()
}

func scan(ctx context.Context, asked request) (failed error) {
	sbom := syft.DefaultCreateSBOMConfig().WithTool("syft", version)
	if asked.Directory != "" {
		// What a package installs may be found as in an image, what it has of sources as in a folder.
		sbom = sbom.WithCatalogerSelection(cataloging.NewSelectionRequest().WithDefaults(pkgcataloging.ImageTag, pkgcataloging.DirectoryTag))
	}
	files := filecataloging.DefaultConfig()
	files.Selection = file.NoFilesSelection
	if asked.Files {
		files.Selection = file.AllFilesSelection
	}
	files.Hashers = []crypto.Hash{crypto.SHA1, crypto.SHA256}
	scanned, err := open(ctx, asked)
	if err != nil {
		return err
	}
	defer func() { failed = errors.Join(failed, scanned.Close()) }()
	found, err := syft.CreateSBOM(ctx, scanned, sbom.WithFilesConfig(files))
	if err != nil {
		return err
	}
	encoder, err := spdxjson.NewFormatEncoderWithConfig(spdxjson.DefaultEncoderConfig())
	if err != nil {
		return err
	}
	to, err := os.Create(asked.Output)
	if err != nil {
		return err
	}
	if err := encoder.Encode(to, *found); err != nil {
		_ = to.Close()
		return err
	}
	return to.Close()
}

func open(ctx context.Context, asked request) (source.Source, error) {
	if asked.Directory != "" {
		return syft.GetSource(ctx, asked.Directory, syft.DefaultGetSourceConfig().WithSources("dir").
			WithBasePath(asked.Directory).WithAlias(source.Alias{Name: "."}))
	}
	platform, err := image.NewPlatform(asked.Platform)
	if err != nil {
		return nil, err
	}
	if asked.Layers != "" {
		return openImage(ctx, asked, platform)
	}
	return pullImage(ctx, asked, platform)
}

// pullImage is syft's own way to an image in a registry.
func pullImage(ctx context.Context, asked request, platform *image.Platform) (source.Source, error) {
	return syft.GetSource(ctx, asked.Image, syft.DefaultGetSourceConfig().WithSources("registry").
		WithPlatform(platform).WithRegistryOptions(&image.RegistryOptions{InsecureUseHTTP: asked.Plain}))
}
