package httpserver

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// Config bounds what one client can hold; both servers share it.
type Config struct {
	ReadHeaderTimeout time.Duration `yaml:"read_header_timeout" help:"time a client has to send its request's header"`
	ReadTimeout       time.Duration `yaml:"read_timeout" help:"time a client has to send its whole request"`
	WriteTimeout      time.Duration `yaml:"write_timeout" help:"time a client has to take an answer, counted from when the answer starts"`
	IdleTimeout       time.Duration `yaml:"idle_timeout" help:"time an idle connection is kept open"`
	UploadMiB         int           `yaml:"upload_mib" help:"MiB of request bodies held in memory at once by all clients together; more is answered 503"`
}

// CheckAddr says what is wrong with an address to listen on.
func CheckAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("must be host:port, is %q", addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("must have a port of 0 to 65535, is %q", addr)
	}
	return nil
}

// OnLoopback says that only this machine can reach a valid address to listen on.
func OnLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}

// DefaultConfig gives a client 5 s for the header, a minute for the body and two for the answer.
func DefaultConfig() Config {
	return Config{
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		UploadMiB:         1024,
	}
}

// Validate joins every fault; each starts with the key it is about.
func (c Config) Validate() error {
	var errs []error
	for _, d := range []struct {
		key   string
		value time.Duration
	}{
		{"read_header_timeout", c.ReadHeaderTimeout},
		{"read_timeout", c.ReadTimeout},
		{"write_timeout", c.WriteTimeout},
		{"idle_timeout", c.IdleTimeout},
	} {
		if d.value <= 0 {
			errs = append(errs, fmt.Errorf("%s: must be more than 0, is %v", d.key, d.value))
		}
	}
	if c.UploadMiB < 1 {
		errs = append(errs, fmt.Errorf("upload_mib: must be at least 1, is %d", c.UploadMiB))
	}
	return errors.Join(errs...)
}
