package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	async "github.com/anchore/go-sync"
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
	keptFrom = 16 << 20
	// Unpacked bytes that are kept between scans, those used last.
	keptBytes = 3 << 30
	// Prefix of the folders of scans that are at work, and for how long one may be.
	workPrefix = "scan-"
	deadAfter  = time.Hour
	// Times that an image is read before its registry is given up; what is unpacked by then stays.
	readAttempts = 3
	// For as long a registry may say nothing.
	silence = 2 * time.Minute
)

// openImage reads an image in a registry for syft, with the unpacked layers of a folder in place of another download:
// that is most of a scan's time. Where the folder cannot be used, syft reads it by itself.
func openImage(ctx context.Context, asked request, platform *image.Platform) (source.Source, error) {
	// Before anything is written: a full disk must not stay full.
	prune(asked.Layers)
	if err := os.MkdirAll(asked.Layers, 0o755); err != nil {
		return pullImage(ctx, asked, platform)
	}
	work, err := os.MkdirTemp(asked.Layers, workPrefix)
	if err != nil {
		return pullImage(ctx, asked, platform)
	}
	opened, err := readImage(ctx, asked, platform, work)
	if err == nil {
		return &temporary{Source: opened, folder: work}, nil
	}
	_ = os.RemoveAll(work)
	if errors.Is(err, syscall.ENOSPC) {
		return pullImage(ctx, asked, platform)
	}
	return nil, err
}

func readImage(ctx context.Context, asked request, platform *image.Platform, work string) (source.Source, error) {
	wanted := v1.Platform{OS: platform.OS, Architecture: platform.Architecture, Variant: platform.Variant}
	reference, pulled, err := find(ctx, asked, wanted)
	if err != nil {
		return nil, err
	}
	config, err := pulled.ConfigFile()
	if err != nil {
		return nil, err
	}
	if is := config.Platform(); !is.Satisfies(wanted) {
		return nil, fmt.Errorf("the image is of %s, not of %s", is, wanted)
	}
	manifest, err := pulled.RawManifest()
	if err != nil {
		return nil, err
	}
	digest, err := pulled.Digest()
	if err != nil {
		return nil, err
	}
	used := time.Now()
	known := useKept(asked.Layers, work, config.RootFS.DiffIDs, used)
	repository := reference.Context()
	made := image.New(pulled, file.NewTempDirGenerator("syft-scans"), work,
		image.WithRepoDigests(fmt.Sprintf("%s/%s@%s", repository.RegistryStr(), repository.RepositoryStr(), digest)),
		image.WithManifest(manifest),
		image.WithArchitecture(platform.Architecture, platform.Variant), image.WithOS(platform.OS))
	// The registry is near, or keeps little from us: what takes the time is to unpack.
	ctx = async.SetContextExecutor(image.WithLazyLayerSquashes(ctx), image.LayerFetchExecutor, async.NewExecutor(2))
	for attempt := 1; ; attempt++ {
		err := made.Read(ctx)
		if err == nil {
			break
		}
		if attempt == readAttempts || errors.Is(err, syscall.ENOSPC) {
			_ = made.Cleanup()
			return nil, err
		}
	}
	keep(asked.Layers, work, pulled, known, used)
	return stereoscopesource.New(made, stereoscopesource.ImageConfig{Reference: asked.Image, Platform: platform}), nil
}

// temporary is a source that has a folder for itself.
type temporary struct {
	source.Source
	folder string
}

func (t *temporary) Close() error {
	return errors.Join(t.Source.Close(), os.RemoveAll(t.folder))
}

func find(ctx context.Context, asked request, platform v1.Platform) (name.Reference, v1.Image, error) {
	options := []name.Option{}
	if asked.Plain {
		options = append(options, name.Insecure)
	}
	reference, err := name.ParseReference(asked.Image, options...)
	if err != nil {
		return nil, nil, err
	}
	found, err := remote.Image(reference, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithTransport(impatient()),
		remote.WithPlatform(platform))
	return reference, found, err
}

// impatient is a transport whose connections end where the other side says nothing.
func impatient() *http.Transport {
	transport := remote.DefaultTransport.(*http.Transport).Clone()
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &impatientConn{connection}, nil
	}
	return transport
}

type impatientConn struct{ net.Conn }

func (c *impatientConn) Read(into []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(into)
}

// unpacked is the name under which stereoscope looks for a layer that it has unpacked. Where a later one uses another,
// it unpacks all.
func unpacked(work string, index int, diffID v1.Hash) string {
	return filepath.Join(work, fmt.Sprintf("%d-%s", index, strings.ReplaceAll(diffID.String(), ":", "-")))
}

// useKept puts the layers that are kept, and whole, where a scan looks for them; says which. Entries are named by the
// hash of their contents. A link keeps what it has been looked at for, whoever takes the entry away.
func useKept(folder, work string, diffIDs []v1.Hash, used time.Time) map[int]bool {
	known := map[int]bool{}
	for index, diffID := range diffIDs {
		entry := filepath.Join(folder, diffID.Hex)
		link := unpacked(work, index, diffID)
		if os.Link(entry, link) != nil {
			continue
		}
		if sum, err := sumOf(link); err != nil || sum != diffID.Hex {
			_ = os.Remove(link)
			continue
		}
		known[index] = true
		_ = os.Chtimes(entry, used, used)
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
func keep(folder, work string, pulled v1.Image, known map[int]bool, used time.Time) {
	layers, err := pulled.Layers()
	if err != nil {
		return
	}
	for index, layer := range layers {
		size, err := layer.Size()
		if err != nil || size < keptFrom || known[index] {
			continue
		}
		diffID, err := layer.DiffID()
		if err != nil {
			continue
		}
		made := unpacked(work, index, diffID)
		// The registry client looked at the compressed bytes alone.
		if sum, err := sumOf(made); err != nil || sum != diffID.Hex {
			continue
		}
		link := made + ".kept"
		if os.Link(made, link) == nil && os.Chtimes(link, used, used) == nil {
			_ = os.Rename(link, filepath.Join(folder, diffID.Hex))
		}
		// Two names of one file: the rename has done nothing.
		_ = os.Remove(link)
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
	slices.SortFunc(found, func(a, b os.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	total := int64(0)
	for _, info := range found {
		path := filepath.Join(folder, info.Name())
		if info.IsDir() {
			if strings.HasPrefix(info.Name(), workPrefix) && time.Since(info.ModTime()) > deadAfter {
				_ = os.RemoveAll(path)
			}
			continue
		}
		// What a scan is reading stays there for it, by its own link.
		if total += info.Size(); total > keptBytes {
			_ = os.Remove(path)
		}
	}
}
