package proxy

import (
	"errors"
	"fmt"
	"strings"

	"bgremove/httpserver"
)

// Config is the public API's.
type Config struct {
	Addr            string `yaml:"addr" help:"address the public API listens on (host:port)"`
	KeepInput       bool   `yaml:"keep_input" help:"keep the picture that was sent to /v1 as long as the result, for /refine and /input, where a request does not say; otherwise it is deleted once the job has succeeded"`
	Cache           bool   `yaml:"cache" help:"a picture that was cut before, with the same options, is not cut again while the earlier result is kept"`
	MaxWaiting      int    `yaml:"max_waiting" help:"requests that may wait for a job at the same time, as long polls, event streams or /v1/remove; each holds a connection and some 30 KB"`
	CacheAcrossKeys bool   `yaml:"cache_across_keys" help:"take the earlier result also where it belongs to another API key: how fast the answer comes then tells that somebody had that picture"`
	APIKeysFile     string `yaml:"api_keys_file" help:"file of API keys, one name:sha256[:megapixels_per_minute] a line, as bgremove keys new writes them; empty means that nobody is asked for a key; see docs/security.md"`
	MetricsPublic   bool   `yaml:"metrics_public" help:"/metrics answers without a key also where api_keys_file is set"`
	TLSCert         string `yaml:"tls_cert" help:"PEM file of the public API's certificate and its chain, read again when it changes; empty means no TLS"`
	TLSKey          string `yaml:"tls_key" help:"PEM file of the key of tls_cert"`
	CORSOrigins     string `yaml:"cors_origins" help:"origins of other sites whose pages may use the public API from a browser, as in https://shop.example, separated by commas, or * for all; empty means none"`
}

// DefaultConfig listens on loopback port 5000.
func DefaultConfig() Config {
	return Config{Addr: "127.0.0.1:5000", Cache: true, MaxWaiting: 10_000, MetricsPublic: true}
}

// Validate joins every fault; each starts with the key it is about.
func (c Config) Validate() error {
	var errs []error
	if err := httpserver.CheckAddr(c.Addr); err != nil {
		errs = append(errs, fmt.Errorf("addr: %w", err))
	}
	if c.MaxWaiting < 1 {
		errs = append(errs, fmt.Errorf("max_waiting: must be at least 1, is %d", c.MaxWaiting))
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		errs = append(errs, errors.New("tls_cert: must be set together with tls_key"))
	}
	if _, err := httpserver.ParseOrigins(c.CORSOrigins); err != nil {
		errs = append(errs,
			fmt.Errorf("cors_origins: %s", strings.ReplaceAll(err.Error(), "\n", "; ")))
	}
	return errors.Join(errs...)
}

// Warnings says what a valid c leaves open to more people than are perhaps meant.
func (c Config) Warnings() []string {
	if c.APIKeysFile != "" {
		return nil
	}
	var warnings []string
	if !httpserver.OnLoopback(c.Addr) {
		warnings = append(warnings, "it asks for no key and listens on other addresses than "+
			"loopback: set proxy.api_keys_file, or have something before it ask")
	}
	if strings.TrimSpace(c.CORSOrigins) == "*" {
		warnings = append(warnings, "it asks for no key and lets the pages of every site use it: "+
			"set proxy.api_keys_file, or list the sites in proxy.cors_origins")
	}
	return warnings
}
