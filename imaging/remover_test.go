package imaging

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestRemove(t *testing.T) {
	r, truth := newRemover(t), greyPlane(t, readTestdata(t, "mask.png"))
	data := readTestdata(t, "scene.png")
	scene := decodePNG(t, data)
	res, err := r.Remove(t.Context(), data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if res.ContentType != "image/png" || res.Width != 120 || res.Height != 90 || res.Engine != fastName {
		t.Errorf("%s of %d×%d px by %s", res.ContentType, res.Width, res.Height, res.Engine)
	}
	out := decodePNG(t, res.Data)
	matte := make([]uint8, len(truth))
	for i := range matte {
		p := out.Pix[4*i : 4*i+4]
		matte[i] = p[3]
		switch {
		case p[3] == 0 && (p[0] != 0 || p[1] != 0 || p[2] != 0):
			t.Fatalf("pixel %d is transparent and has the colour %v", i, p[:3])
		case p[3] == 255 && !bytes.Equal(p[:3], scene.Pix[4*i:4*i+3]):
			t.Fatalf("pixel %d is %v, the picture has %v", i, p[:3], scene.Pix[4*i:4*i+3])
		}
	}
	if v := iou(matte, truth); v < .9 {
		t.Errorf("IoU with the true mask is %.3f, want .9", v)
	}

	alpha, err := r.Remove(t.Context(), data, Options{Channels: ChannelsAlpha})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(greyPlane(t, alpha.Data), matte) {
		t.Error("the matte alone differs from the cut-out's alpha")
	}
}

// TestRemoveKeepsTheInputsAlpha: the result is nowhere more opaque than the picture was.
func TestRemoveKeepsTheInputsAlpha(t *testing.T) {
	r := newRemover(t)
	res, err := r.Remove(t.Context(), readTestdata(t, "png-rgba.png"), Options{ROI: mustROI(t, "10 5 100% 100%")})
	if err != nil {
		t.Fatal(err)
	}
	out := decodePNG(t, res.Data)
	for i := range 120 * 90 {
		a, own := out.Pix[4*i+3], sceneAlpha(i%120, i/120)
		if a > own {
			t.Fatalf("pixel %d has alpha %d, the picture has %d", i, a, own)
		}
	}
}

func TestRemoveOnTestdata(t *testing.T) {
	r := newRemover(t)
	for _, name := range pictures(t) {
		res, err := r.Remove(t.Context(), readTestdata(t, name), Options{})
		switch {
		case name == "bad-float.tif":
			if !errors.Is(err, ErrUnsupported) {
				t.Errorf("%s: %v, want ErrUnsupported", name, err)
			}
		case strings.HasPrefix(name, "size-"), name == "one-colour.png":
			if err != nil && !errors.Is(err, ErrNoForeground) {
				t.Errorf("%s: %v, want a result or ErrNoForeground", name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		default:
			if out := decodePNG(t, res.Data); out.Rect.Dx() != 120 || out.Rect.Dy() != 90 {
				t.Errorf("%s: %v px", name, out.Rect.Size())
			}
		}
	}
}

// TestRemoveIsDeterministic: the same bytes from many goroutines at once.
func TestRemoveIsDeterministic(t *testing.T) {
	r := newRemover(t)
	data := readTestdata(t, "webp-lossy.webp")
	first, err := r.Remove(t.Context(), data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if again, err := r.Remove(t.Context(), data, Options{}); err != nil || !bytes.Equal(again.Data, first.Data) {
				t.Errorf("another result (%v)", err)
			}
		})
	}
	wg.Wait()
}

func TestRemoveRefuses(t *testing.T) {
	r := newRemover(t)
	data := readTestdata(t, "scene.png")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		data []byte
		opts Options
		want error
		says string
	}{
		{"an engine there is not", t.Context(), data, Options{Engine: "magic"}, ErrOption, "must be one of " + strings.Join(builtEngines(), ", ") + `, is "magic"`},
		{"channels there are not", t.Context(), data, Options{Channels: "cmyk"}, ErrOption, `"cmyk"`},
		{"a roi outside", t.Context(), data, Options{ROI: mustROI(t, "0 0 121 90")}, ErrOption, "120×90 px"},
		{"text", t.Context(), []byte("text"), Options{}, ErrUnsupported, ""},
		{"half a picture", t.Context(), data[:len(data)/2], Options{}, ErrCorrupt, "cut short"},
		{"too large a picture", t.Context(), pngHeader(60000, 60000), Options{}, ErrTooLarge, "the limit is 50000000"},
		{"a context that ended", cancelled, data, Options{}, context.Canceled, ""},
	}
	for _, tt := range tests {
		if _, err := r.Remove(tt.ctx, tt.data, tt.opts); !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v; want %v that says %q", tt.name, err, tt.want, tt.says)
		}
	}
}

func TestNewRefusesBadConfig(t *testing.T) {
	for key, change := range map[string]func(*Config){
		"max_image_mib":        func(c *Config) { c.MaxImageMiB = 0 },
		"max_image_megapixels": func(c *Config) { c.MaxImageMegapixels = 2000 },
		"engine":               func(c *Config) { c.Engine = "magic" },
		"looks":                func(c *Config) { c.Looks = 4 },
		"prior":                func(c *Config) { c.Prior = filepath.Join(t.TempDir(), "none.json") },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
	r := newRemover(t)
	if got := r.Engines(); !slices.Equal(got, builtEngines()) || r.DefaultEngine() != fastName {
		t.Errorf("engines %v, default %s", got, r.DefaultEngine())
	}
	if got, want := r.Limits(), (Limits{MaxBytes: 32 << 20, MaxPixels: 50_000_000}); got != want {
		t.Errorf("limits %+v, want %+v", got, want)
	}
}

// TestPriorFromFiles: another network is read from where the configuration says, and what is wrong with it is said.
func TestPriorFromFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("good.f16", netWeights)
	cfg := DefaultConfig()
	cfg.Prior = write("good.json", netDescription)
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Remove(t.Context(), readTestdata(t, "scene.png"), Options{}); err != nil {
		t.Error(err)
	}
	write("long.f16", append(slices.Clone(netWeights), 0, 0))
	write("nan.f16", append([]byte{0x00, 0x7e}, netWeights[2:]...))
	for want, name := range map[string]string{
		".json":       write("net.txt", netDescription),
		"alone.f16":   write("alone.json", netDescription),
		"bytes":       write("long.json", netDescription),
		"number 0 is": write("nan.json", netDescription),
		"description": write("empty.json", nil),
	} {
		write("empty.f16", nil)
		cfg.Prior = name
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error that says %q", filepath.Base(name), err, want)
		}
	}
}

// TestFormatsHaveLimits: a picture that a format cannot hold is refused before any work.
func TestFormatsHaveLimits(t *testing.T) {
	r := newRemover(t)
	wide := slices.Concat([]byte("P5 17000 1 255\n"), make([]byte, 17000))
	if _, err := r.Remove(t.Context(), wide, Options{Format: OutputWebP}); !errors.Is(err, ErrOption) || !strings.Contains(err.Error(), "16383") {
		t.Errorf("%v, want ErrOption with the limit", err)
	}
	if _, err := r.Remove(t.Context(), wide, Options{}); err != nil && !errors.Is(err, ErrNoForeground) {
		t.Errorf("as PNG: %v", err)
	}
}
