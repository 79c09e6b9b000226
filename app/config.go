package app

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"bgremove/batch"
	"bgremove/egress"
	"bgremove/httpserver"
	"bgremove/imaging"
	"bgremove/imaging/option"
	"bgremove/predict"
	"bgremove/proxy"
	"bgremove/queue"
	"bgremove/webhook"
)

// Config is every setting of the program. The yaml tags joined by dots are the keys
// (queue.max_depth), and variables and flags are named after them
// (BGREMOVE_QUEUE_MAX_DEPTH, --queue-max-depth).
type Config struct {
	Log     LogConfig         `yaml:"log"`
	Grace   time.Duration     `yaml:"grace" help:"time that running work has to end after SIGTERM or SIGINT"`
	Proxy   proxy.Config      `yaml:"proxy"`
	Predict predict.Config    `yaml:"predict"`
	Batch   batch.Config      `yaml:"batch"`
	Queue   queue.Config      `yaml:"queue"`
	Imaging imaging.Config    `yaml:"imaging"`
	HTTP    httpserver.Config `yaml:"http"`
	Egress  egress.Config     `yaml:"egress"`
	Webhook webhook.Config    `yaml:"webhook"`
	Debug   DebugConfig       `yaml:"debug"`
}

// LogConfig is the logger's.
type LogConfig struct {
	Level  string `yaml:"level" help:"least severe level that is logged: debug, info, warn or error"`
	Format string `yaml:"format" help:"form of a log line: text or json"`
}

// DefaultConfig joins every package's defaults.
func DefaultConfig() Config {
	return Config{
		Log:     LogConfig{Level: "info", Format: "text"},
		Grace:   30 * time.Second,
		Proxy:   proxy.DefaultConfig(),
		Predict: predict.DefaultConfig(),
		Batch:   batch.DefaultConfig(),
		Queue:   queue.DefaultConfig(),
		Imaging: imaging.DefaultConfig(),
		HTTP:    httpserver.DefaultConfig(),
		Egress:  egress.DefaultConfig(),
		Webhook: webhook.DefaultConfig(),
	}
}

// Validate joins every fault of every part, one per line; each starts with its dotted key.
func (c Config) Validate() error {
	var errs []error
	if c.Grace <= 0 {
		errs = append(errs, fmt.Errorf("grace: must be more than 0, is %v", c.Grace))
	}
	if body := httpserver.Base64Limit(c.Imaging.Limits().MaxBytes,
		option.TotalBytes()); body > int64(c.HTTP.UploadMiB)<<20 {
		errs = append(errs, fmt.Errorf("http.upload_mib: must hold a request with an image of "+
			"imaging.max_image_mib and its options, %d MiB as base64, is %d",
			(body+1<<20-1)>>20, c.HTTP.UploadMiB))
	}
	if c.Batch.Addr != "" { // here, as batch knows nothing of HTTP
		if err := httpserver.CheckAddr(c.Batch.Addr); err != nil {
			errs = append(errs, fmt.Errorf("batch.addr: %w", err))
		}
	}
	for _, part := range []struct {
		name   string
		config interface{ Validate() error }
	}{
		{"log", c.Log},
		{"proxy", c.Proxy},
		{"predict", c.Predict},
		{"batch", c.Batch},
		{"queue", c.Queue},
		{"imaging", c.Imaging},
		{"http", c.HTTP},
		{"egress", c.Egress},
		{"webhook", c.Webhook},
		{"debug", c.Debug},
	} {
		for _, fault := range Faults(part.config.Validate()) {
			errs = append(errs, errors.New(part.name+"."+fault))
		}
	}
	return errors.Join(errs...)
}

// UsageError is a fault in how the program was called or configured, and not of what then happened.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }

// Usagef returns a UsageError with the text that fmt.Errorf makes.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// Unwrap returns Err.
func (e UsageError) Unwrap() error { return e.Err }

// ValidateProxy says what a valid c lacks for a process with a proxy. The others may read the same
// file, and need no secret for that.
func (c Config) ValidateProxy() error {
	if c.Egress.Callbacks && c.Webhook.Secret == "" {
		return Usagef(
			"bad configuration\nwebhook.secret: must be given while egress.callbacks is true, " +
				"or receivers could not tell a callback from a forgery")
	}
	return nil
}

// Validate joins every fault; each starts with the key it is about.
func (c LogConfig) Validate() error {
	var errs []error
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Level) {
		errs = append(errs, fmt.Errorf("level: must be debug, info, warn or error, is %q", c.Level))
	}
	if c.Format != "text" && c.Format != "json" {
		errs = append(errs, fmt.Errorf("format: must be text or json, is %q", c.Format))
	}
	return errors.Join(errs...)
}

// NewLogger returns a logger that writes to w what a valid c asks for.
func NewLogger(c LogConfig, w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // a valid one
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// Faults returns the faults of a joined error. Its text is split, not its tree: one fault may wrap
// several errors too.
func Faults(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}
