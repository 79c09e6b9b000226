// Package telemetry sends traces to an OpenTelemetry collector, and carries a trace from
// one process to the next.
//
// Traces are off unless the OTEL_ variables ask for them, and cost a few nanoseconds and no memory
// then. The package is the only one that may import go.opentelemetry.io; it imports nothing of
// bgremove's. The tracer provider is OpenTelemetry's global one.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// flushTimeout bounds how long the end of the process waits for a collector to take the last spans.
const flushTimeout = 3 * time.Second

// Start has spans sent from now on, where the OTEL_ variables of the process ask for it.
// OpenTelemetry's own variables say where to and which: see docs/observability.md. It connects to
// nothing yet. shutdown sends what is left and ends the exporter; it is never nil.
func Start(
	ctx context.Context, version string, log *slog.Logger,
) (shutdown func(context.Context) error, err error) {
	off := func(context.Context) error { return nil }
	on, endpoint, err := wanted(os.Getenv)
	if err != nil || !on {
		return off, err
	}
	var opts []otlptracehttp.Option
	if endpoint != "" {
		opts = append(opts, otlptracehttp.WithEndpointURL(endpoint))
	}
	exporter, err := otlptracehttp.New(ctx, opts...)
	if err != nil {
		return off, fmt.Errorf("traces: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "bgremove"),
			attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithProcessPID(),
		resource.WithFromEnv(), // the last word: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
	)
	if err != nil { // of a part: the others are there
		log.WarnContext(ctx, "traces describe this process in part", "err", err)
	}
	otel.SetLogger(logr.FromSlogHandler(log.Handler()))
	otel.SetErrorHandler(
		otel.ErrorHandlerFunc(func(err error) { log.Warn("traces are not sent", "err", err) }))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(about))
	otel.SetTracerProvider(provider)
	return func(ctx context.Context) error {
		otel.SetTracerProvider(noop.NewTracerProvider())
		bounded, cancel := context.WithTimeout(ctx, flushTimeout)
		defer cancel()
		if err := provider.Shutdown(bounded); err != nil {
			return fmt.Errorf("send the last spans: %w", err)
		}
		return nil
	}, nil
}

// wanted reads the variables that say whether there are traces. endpoint is the one to set where no
// variable does: the specification's, as the exporter's own is https.
func wanted(getenv func(string) string) (on bool, endpoint string, err error) {
	given := false
	for _, name := range []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
	} {
		if address := getenv(name); address != "" {
			given = true
			err = errors.Join(err, checkEndpoint(name, address))
		}
	}
	switch exporter := getenv("OTEL_TRACES_EXPORTER"); {
	case getenv("OTEL_SDK_DISABLED") == "true", exporter == "none", exporter == "" && !given:
		return false, "", nil
	case exporter != "" && exporter != "otlp":
		err = errors.Join(err,
			fmt.Errorf("OTEL_TRACES_EXPORTER: must be otlp or none, is %q", exporter))
	}
	for _, name := range []string{
		"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
	} {
		if protocol := getenv(name); protocol != "" && protocol != "http/protobuf" {
			err = errors.Join(err, fmt.Errorf("%s: must be http/protobuf, is %q", name, protocol))
		}
	}
	if !given {
		endpoint = "http://localhost:4318/v1/traces"
	}
	return err == nil, endpoint, err
}

// checkEndpoint refuses what the exporter would replace by its default without a word. The address
// may hold a password and is not shown.
func checkEndpoint(name, address string) error {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return fmt.Errorf("%s: must be an http:// or https:// address", name)
	}
	return nil
}
