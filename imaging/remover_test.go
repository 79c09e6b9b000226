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

	"bgremove/imaging/engine/fast"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

func TestRemove(t *testing.T) {
	r, truth := newRemover(t), imagingtest.DecodeGrey(t, imagingtest.ReadTestdata(t, "mask.png"))
	data := imagingtest.ReadTestdata(t, "scene.png")
	scene := imagingtest.DecodePNG(t, data)
	res, err := r.Remove(t.Context(), data, option.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if res.ContentType != "image/png" || res.Width != 120 || res.Height != 90 ||
		res.Engine != fast.Name {
		t.Errorf("%s of %d×%d px by %s", res.ContentType, res.Width, res.Height, res.Engine)
	}
	out := imagingtest.DecodePNG(t, res.Data)
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
	if v := imagingtest.IoU(matte, truth); v < .9 {
		t.Errorf("IoU with the true mask is %.3f, want .9", v)
	}

	alpha, err := r.Remove(t.Context(), data, option.Options{Channels: option.ChannelsAlpha})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(imagingtest.DecodeGrey(t, alpha.Data), matte) {
		t.Error("the matte alone differs from the cut-out's alpha")
	}
}

// TestRemoveKeepsTheInputsAlpha: the result is nowhere more opaque than the picture was.
func TestRemoveKeepsTheInputsAlpha(t *testing.T) {
	r := newRemover(t)
	res, err := r.Remove(t.Context(), imagingtest.ReadTestdata(t, "png-rgba.png"),
		option.Options{ROI: imagingtest.ROI(t, "10 5 100% 100%")})
	if err != nil {
		t.Fatal(err)
	}
	out := imagingtest.DecodePNG(t, res.Data)
	for i := range 120 * 90 {
		a, own := out.Pix[4*i+3], imagingtest.SceneAlpha(i%120, i/120)
		if a > own {
			t.Fatalf("pixel %d has alpha %d, the picture has %d", i, a, own)
		}
	}
}

func TestRemoveOnTestdata(t *testing.T) {
	r := newRemover(t)
	for _, name := range imagingtest.Pictures(t) {
		res, err := r.Remove(t.Context(), imagingtest.ReadTestdata(t, name), option.Options{})
		switch {
		case name == "bad-float.tif":
			if !errors.Is(err, picture.ErrUnsupported) {
				t.Errorf("%s: %v, want ErrUnsupported", name, err)
			}
		case strings.HasPrefix(name, "size-"), name == "one-colour.png":
			if err != nil && !errors.Is(err, picture.ErrNoForeground) {
				t.Errorf("%s: %v, want a result or ErrNoForeground", name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		default:
			if out := imagingtest.DecodePNG(t, res.Data); out.Rect.Dx() != 120 ||
				out.Rect.Dy() != 90 {
				t.Errorf("%s: %v px", name, out.Rect.Size())
			}
		}
	}
}

// TestRemoveIsDeterministic: the same bytes from many goroutines at once.
func TestRemoveIsDeterministic(t *testing.T) {
	r := newRemover(t)
	data := imagingtest.ReadTestdata(t, "webp-lossy.webp")
	first, err := r.Remove(t.Context(), data, option.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if again, err := r.Remove(t.Context(), data, option.Options{}); err != nil ||
				!bytes.Equal(again.Data, first.Data) {
				t.Errorf("another result (%v)", err)
			}
		})
	}
	wg.Wait()
}

func TestRemoveRefuses(t *testing.T) {
	r := newRemover(t)
	data := imagingtest.ReadTestdata(t, "scene.png")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		data []byte
		opts option.Options
		want error
		says string
	}{
		{
			"an engine there is not", t.Context(), data,
			option.Options{Engine: "magic"},
			picture.ErrOption, `engine: must be fast or opencv, is "magic"`,
		},
		{
			"channels there are not", t.Context(), data,
			option.Options{Channels: "cmyk"},
			picture.ErrOption, `"cmyk"`,
		},
		{
			"a roi outside", t.Context(), data,
			option.Options{ROI: imagingtest.ROI(t, "0 0 121 90")},
			picture.ErrOption, "120×90 px",
		},
		{"text", t.Context(), []byte("text"), option.Options{}, picture.ErrUnsupported, ""},
		{
			"half a picture", t.Context(), data[:len(data)/2],
			option.Options{},
			picture.ErrCorrupt, "cut short",
		},
		{
			"too large a picture", t.Context(), imagingtest.PNGHeader(60000, 60000),
			option.Options{},
			picture.ErrTooLarge, "the limit is 50000000",
		},
		{"a context that ended", cancelled, data, option.Options{}, context.Canceled, ""},
	}
	for _, tt := range tests {
		if _, err := r.Remove(tt.ctx, tt.data, tt.opts); !errors.Is(err, tt.want) ||
			!strings.Contains(err.Error(), tt.says) {
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
		"prior": func(c *Config) {
			c.Prior = filepath.Join(t.TempDir(), "none.json")
		},
	} {
		cfg := DefaultConfig()
		change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
	r := newRemover(t)
	if got := r.Engines(); !slices.Equal(got, builtEngines()) || r.DefaultEngine() != fast.Name {
		t.Errorf("engines %v, default %s", got, r.DefaultEngine())
	}
	if got, want := r.Limits(),
		(picture.Limits{MaxBytes: 32 << 20, MaxPixels: 50_000_000}); got != want {
		t.Errorf("limits %+v, want %+v", got, want)
	}
}

// TestPriorFromFiles: another network is read from where the configuration says, and what is
// wrong with it is said.
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
	network := func(name string) []byte {
		t.Helper()
		data, err := os.ReadFile(filepath.Join("engine", "fast", "network", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	description, weights := network("net.json"), network("net.f16")
	write("good.f16", weights)
	cfg := DefaultConfig()
	cfg.Prior = write("good.json", description)
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Remove(t.Context(), imagingtest.ReadTestdata(t, "scene.png"),
		option.Options{}); err != nil {
		t.Error(err)
	}
	write("long.f16", append(slices.Clone(weights), 0, 0))
	write("nan.f16", append([]byte{0x00, 0x7e}, weights[2:]...))
	for want, name := range map[string]string{
		".json":       write("net.txt", description),
		"alone.f16":   write("alone.json", description),
		"bytes":       write("long.json", description),
		"number 0 is": write("nan.json", description),
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
	if _, err := r.Remove(
		t.Context(), wide, option.Options{Format: option.OutputWebP},
	); !errors.Is(err, picture.ErrOption) || !strings.Contains(err.Error(), "16383") {
		t.Errorf("%v, want ErrOption with the limit", err)
	}
	if _, err := r.Remove(t.Context(), wide, option.Options{}); err != nil && !errors.Is(err,
		picture.ErrNoForeground) {
		t.Errorf("as PNG: %v", err)
	}
}
