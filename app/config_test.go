package app

import (
	"bytes"
	"log/slog"
	"regexp"
	"strings"
	"testing"
)

func TestDefaultsAreValid(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

var timeField = regexp.MustCompile(`time=\S+ |"time":"[^"]+",`)

func TestLogger(t *testing.T) {
	for _, test := range []struct {
		config LogConfig
		want   string
	}{
		{LogConfig{"info", "text"}, "level=INFO msg=shown job=1\n"},
		{LogConfig{"info", "json"}, `{"level":"INFO","msg":"shown","job":1}` + "\n"},
		{LogConfig{"error", "text"}, ""},
		{LogConfig{"debug", "text"}, "level=DEBUG msg=detail\nlevel=INFO msg=shown job=1\n"},
	} {
		var out bytes.Buffer
		log := NewLogger(test.config, &out)
		log.Debug("detail")
		log.Info("shown", slog.Int("job", 1))
		got := timeField.ReplaceAllString(out.String(), "")
		if got != test.want {
			t.Errorf("%+v: got %q, want %q", test.config, got, test.want)
		}
	}
}

// The budget of uploads must hold the largest body that the servers take: their limit is of an
// image with its options.
func TestUploadHoldsAnImageWithItsOptions(t *testing.T) {
	c := DefaultConfig()
	c.Imaging.MaxImageMiB = 5 // 7.1 MiB as base64, and 9 of options
	for mib, good := range map[int]bool{8: false, 15: false, 16: true} {
		c.HTTP.UploadMiB = mib
		if err := c.Validate(); (err == nil) != good ||
			err != nil && !strings.Contains(err.Error(), "and its options, ") {
			t.Errorf("%d MiB: %v", mib, err)
		}
	}
}
