package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	sync "github.com/anchore/go-sync"
	"github.com/anchore/stereoscope/pkg/file"
	"github.com/anchore/stereoscope/pkg/image"
	"github.com/anchore/syft/syft/source"
	"github.com/anchore/syft/syft/source/stereoscopesource"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const (
	// Compressed bytes from which on a layer is kept: those of a distribution, which images share for months.
	large = 16 << 20
	// Unpacked bytes that are kept, those used last.
	kept = 3 << 30
	// For as long, what a killed scan left may be somebody's who is at work.
	sure = time.Hour
	// Prefix of the folders of scans that are at work.
	working = "scan-"
)

// openImage is syft's source of an image in a registry, with the unpacked layers of a folder in place of another
// download: that is most of a scan's time. Entries are named by the hash of their contents, which is looked at.
func openImage(ctx context.Context, asked request, platform *image.Platform) (source.Source, error) {
	pulled, err := pull(ctx, asked, platform)
	if err != nil {
		return nil, err
	}
	config, err := pulled.ConfigFile()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(asked.Layers, 0o755); err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp(asked.Layers, working)
	if err != nil {
		return nil, err
	}
	known := useKept(asked.Layers, work, config.RootFS.DiffIDs)
	manifest, err := pulled.RawManifest()
	if err != nil {
		return nil, err
	}
	made := image.New(pulled, file.NewTempDirGenerator("syft-scans"), work,
		image.WithRepoDigests(asked.Image), image.WithManifest(manifest),
		image.WithArchitecture(platform.Architecture, platform.Variant), image.WithOS(platform.OS))
	ctx = sync.SetContextExecutor(image.WithLazyLayerSquashes(ctx), image.LayerFetchExecutor, sync.NewExecutor(2))
	if err := made.Read(ctx); err != nil {
		_ = made.Cleanup()
		_ = os.RemoveAll(work)
		return nil, err
	}
	keep(asked.Layers, work, pulled, known)
	found := stereoscopesource.New(made, stereoscopesource.ImageConfig{Reference: asked.Image, Platform: platform})
	return &temporary{Source: found, folder: work}, nil
}

// temporary is a source that has a folder for itself.
type temporary struct {
	source.Source
	folder string
}

func (t *temporary) Close() error {
	err := t.Source.Close()
	if removed := os.RemoveAll(t.folder); err == nil {
		err = removed
	}
	return err
}

func pull(ctx context.Context, asked request, platform *image.Platform) (v1.Image, error) {
	options := []name.Option{}
	if asked.Plain {
		options = append(options, name.Insecure)
	}
	reference, err := name.ParseReference(asked.Image, options...)
	if err != nil {
		return nil, err
	}
	return remote.Image(reference, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithPlatform(v1.Platform{OS: platform.OS, Architecture: platform.Architecture, Variant: platform.Variant}))
}

// unpacked is the name under which stereoscope looks for a layer that it has unpacked. Where a later one uses another,
// it unpacks all.
func unpacked(work string, index int, diffID v1.Hash) string {
	return filepath.Join(work, fmt.Sprintf("%d-%s", index, strings.ReplaceAll(diffID.String(), ":", "-")))
}

// useKept puts the layers that are kept, and whole, where a scan looks for them; says which.
func useKept(folder, work string, diffIDs []v1.Hash) map[int]bool {
	known := map[int]bool{}
	for index, diffID := range diffIDs {
		entry := filepath.Join(folder, diffID.Hex)
		if sum, err := sumOf(entry); err != nil || sum != diffID.Hex {
			continue
		}
		if os.Link(entry, unpacked(work, index, diffID)) == nil {
			known[index] = true
			_ = os.Chtimes(entry, time.Now(), time.Now())
		}
	}
	return known
}

func sumOf(path string) (string, error) {
	from, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer from.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, from); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// keep takes the large layers that were unpacked anew. Where that fails, the next scan unpacks them again.
func keep(folder, work string, pulled v1.Image, known map[int]bool) {
	layers, err := pulled.Layers()
	if err != nil {
		return
	}
	for index, layer := range layers {
		size, err := layer.Size()
		if err != nil || size < large || known[index] {
			continue
		}
		if diffID, err := layer.DiffID(); err == nil {
			entry := filepath.Join(folder, diffID.Hex)
			_ = os.Remove(entry)
			_ = os.Link(unpacked(work, index, diffID), entry)
		}
	}
	prune(folder)
}

// prune takes away what was not used for the longest time, and what killed scans left.
func prune(folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	found := []os.FileInfo{}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil {
			found = append(found, info)
		}
	}
	slices.SortFunc(found, func(a, b os.FileInfo) int { return cmp.Compare(b.ModTime().UnixNano(), a.ModTime().UnixNano()) })
	total := int64(0)
	for _, info := range found {
		path := filepath.Join(folder, info.Name())
		if info.IsDir() {
			if strings.HasPrefix(info.Name(), working) && time.Since(info.ModTime()) > sure {
				_ = os.RemoveAll(path)
			}
			continue
		}
		if total += info.Size(); total > kept {
			_ = os.Remove(path)
		}
	}
}
