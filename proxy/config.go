package proxy

import (
	"fmt"

	"bgremove/httpserver"
)

// Config is the public API's.
type Config struct {
	Addr            string `yaml:"addr" help:"address the public API listens on (host:port)"`
	KeepInput       bool   `yaml:"keep_input" help:"keep the picture that was sent to /v1 as long as the result, for /refine and /input, where a request does not say; otherwise it is deleted once the job has succeeded"`
	Cache           bool   `yaml:"cache" help:"a picture that was cut before, with the same options, is not cut again while the earlier result is kept"`
	CacheAcrossKeys bool   `yaml:"cache_across_keys" help:"take the earlier result also where it belongs to another API key: how fast the answer comes then tells that somebody had that picture"`
}

// DefaultConfig listens on loopback port 5000.
func DefaultConfig() Config {
	return Config{Addr: "127.0.0.1:5000", Cache: true}
}

// Validate names the fault's key.
func (c Config) Validate() error {
	if err := httpserver.CheckAddr(c.Addr); err != nil {
		return fmt.Errorf("addr: %w", err)
	}
	return nil
}
