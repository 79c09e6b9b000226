package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"bgremove/imaging"
	"bgremove/imaging/net"
	"bgremove/imaging/pngenc"
)

// median runs do n times, after once that does not count.
func median(n int, do func() error) (time.Duration, error) {
	if err := do(); err != nil {
		return 0, err
	}
	times := make([]time.Duration, n)
	for i := range times {
		start := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	return times[n/2], nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// network times the forward pass of the prior's network.
func network(_ context.Context, o options, out io.Writer) error {
	description, err := os.ReadFile(filepath.Join("imaging", "prior", "net.json"))
	if err != nil {
		return err
	}
	weights, err := os.ReadFile(filepath.Join("imaging", "prior", "net.f16"))
	if err != nil {
		return err
	}
	n, err := net.Read(description, weights)
	if err != nil {
		return err
	}
	channels, h, w := n.InputSize()
	input, runner := make([]float32, channels*h*w), n.NewRunner()
	const runs = 100
	took, err := median(runs, func() error { runner.Run(input); return nil })
	if err != nil {
		return err
	}
	if o.section == "network" {
		fmt.Fprintf(out, "\n## The network's forward pass\n\nOne core, median of %d runs.\n\n| | ms | wanted |\n|---|---|---|\n| assembly (AVX2, FMA) | **%.1f** | ≤ 12 |\n", runs, ms(took))
		return nil
	}
	fmt.Fprintf(out, "| plain Go | **%.1f** | ≤ 25 |\n", ms(took))
	return nil
}

// engines times the engines alone, without codecs.
func engines(ctx context.Context, o options, out io.Writer) error {
	r, err := imaging.New(imaging.DefaultConfig())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `
## How fast, against cv::grabCut

One core, the engine alone, without codecs, nothing given. Photos of much detail; median and range over %d of them.

| size | cv::grabCut | fast | times as fast | range | wanted |
|---|---|---|---|---|---|
`, mostPhotos)
	for _, row := range []struct{ mp, wanted float64 }{{.25, 20}, {1, 100}, {4, 700}} {
		var slow, quick, ratio []float64
		for i := range mostPhotos {
			a, b, err := sideBySide(ctx, r, photoFile(o, i, row.mp))
			if err != nil {
				return err
			}
			slow, quick, ratio = append(slow, ms(a)), append(quick, ms(b)), append(ratio, float64(a)/float64(b))
		}
		fmt.Fprintf(out, "| %g MP | %.0f ms | %.1f ms | **%.0f** | %.0f–%.0f | ≥ %.0f |\n", row.mp, middle(slow), middle(quick), middle(ratio),
			slices.Min(ratio), slices.Max(ratio), row.wanted)
	}
	return nil
}

func middle(v []float64) float64 { return slices.Sorted(slices.Values(v))[len(v)/2] }

// sideBySide times cv::grabCut once between two rounds of the fast engine.
func sideBySide(ctx context.Context, r *imaging.Remover, file string) (slow, quick time.Duration, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, err
	}
	img, err := decode(data)
	if err != nil {
		return 0, 0, err
	}
	cut := func(name string) func() error {
		return func() error {
			e, err := r.Find(name)
			if err != nil {
				return err
			}
			_, err = e.Matte(ctx, img, imaging.Hints{})
			return err
		}
	}
	before, err := median(10, cut(imaging.EngineFast))
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	if err := cut(imaging.EngineOpenCV)(); err != nil {
		return 0, 0, err
	}
	slow = time.Since(start)
	after, err := median(10, cut(imaging.EngineFast))
	return slow, (before + after) / 2, err
}

// whole times bytes in → PNG out, and the codecs alone.
func whole(ctx context.Context, o options, out io.Writer) error {
	r, err := imaging.New(imaging.DefaultConfig())
	if err != nil {
		return err
	}
	cores := map[string]int{"whole-1": 1, "whole-2": 2}[o.section]
	if cores == 1 {
		fmt.Fprintf(out, `
## Bytes in, PNG out

A JPEG in, a PNG with transparency out, by %d photos; codecs are decoding and writing the same PNG, which bgremove does itself, on all cores.

| size | cores | codecs, ms | all, ms | all ÷ codecs | wanted | one core ÷ two |
|---|---|---|---|---|---|---|
`, mostPhotos)
	}
	for _, row := range []struct {
		mp     float64
		wanted string
	}{{1, "≤ 3"}, {12, "≤ 2"}} {
		var codecs, total, ratio []float64
		for i := range mostPhotos {
			a, b, err := withAndWithout(ctx, r, photoFile(o, i, row.mp))
			if err != nil {
				return err
			}
			codecs, total, ratio = append(codecs, ms(a)), append(total, ms(b)), append(ratio, float64(b)/float64(a))
		}
		if err := writeWhole(o, out, row.mp, cores, row.wanted, codecs, total, ratio); err != nil {
			return err
		}
	}
	return nil
}

// writeWhole keeps the times of one core for those of two.
func writeWhole(o options, out io.Writer, mp float64, cores int, wanted string, codecs, total, ratio []float64) error {
	kept := inWork(o, fmt.Sprintf("whole-%g", mp))
	speedUp := ""
	if cores == 1 {
		if err := os.WriteFile(kept, fmt.Append(nil, middle(total)), 0o644); err != nil {
			return err
		}
	} else {
		wanted = ""
		var one float64
		data, err := os.ReadFile(kept)
		if err != nil {
			return err
		}
		if _, err := fmt.Sscan(string(data), &one); err != nil {
			return err
		}
		if speedUp = fmt.Sprintf("**%.2f**", one/middle(total)); mp == 12 {
			speedUp += " (wanted: ≥ 1.7)"
		}
	}
	fmt.Fprintf(out, "| %g MP | %d | %.1f | %.1f | **%.2f** (%.2f–%.2f) | %s | %s |\n", mp, cores, middle(codecs), middle(total), middle(ratio),
		slices.Min(ratio), slices.Max(ratio), wanted, speedUp)
	return nil
}

func withAndWithout(ctx context.Context, r *imaging.Remover, file string) (codecs, total time.Duration, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, err
	}
	result, err := r.Remove(ctx, data, imaging.Options{})
	if err != nil {
		return 0, 0, err
	}
	pix, size, err := pixels(result.Data)
	if err != nil {
		return 0, 0, err
	}
	const runs = 15
	codecs, err = median(runs, func() error {
		if _, err := decode(data); err != nil {
			return err
		}
		_, err := pngenc.Encode(size.X, size.Y, pngenc.RGBA, func(y int, dst []byte) { copy(dst, pix[4*size.X*y:]) })
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	total, err = median(runs, func() error { _, err := r.Remove(ctx, data, imaging.Options{}); return err })
	return codecs, total, err
}

// pixels are those of an RGBA PNG, not premultiplied.
func pixels(data []byte) ([]byte, image.Point, error) {
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, image.Point{}, err
	}
	n, ok := m.(*image.NRGBA)
	if !ok {
		return nil, image.Point{}, fmt.Errorf("a result of %T", m)
	}
	return n.Pix, n.Rect.Size(), nil
}
