//go:build cgo

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

	"gocv.io/x/gocv"

	"bgremove/imaging"
	"bgremove/imaging/net"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
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
		fmt.Fprintf(out,
			"\n## The network's forward pass\n\nOne core, median of %d runs.\n\n| | ms | wanted "+
				"|\n|---|---|---|\n| assembly (AVX2, FMA) | **%.1f** | ≤ 20 |\n", runs, ms(took))
		return nil
	}
	fmt.Fprintf(out, "| plain Go | **%.1f** | ≤ 300 |\n", ms(took))
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
	for _, row := range []struct{ mp, wanted float64 }{{.25, 10}, {1, 100}, {4, 500}} {
		var slow, quick, ratio []float64
		for i := range mostPhotos {
			a, b, err := sideBySide(ctx, r, photoFile(o, i, row.mp))
			if err != nil {
				return err
			}
			slow, quick, ratio = append(slow, ms(a)), append(quick, ms(b)), append(ratio,
				float64(a)/float64(b))
		}
		fmt.Fprintf(out, "| %g MP | %.0f ms | %.1f ms | **%.0f** | %.0f–%.0f | ≥ %.0f |\n", row.mp,
			middle(slow), middle(quick), middle(ratio),
			slices.Min(ratio), slices.Max(ratio), row.wanted)
	}
	return nil
}

func middle(v []float64) float64 { return slices.Sorted(slices.Values(v))[len(v)/2] }

// sideBySide times cv::grabCut once between two rounds of the fast engine.
func sideBySide(
	ctx context.Context, r *imaging.Remover, file string,
) (slow, quick time.Duration, err error) {
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
			_, err = e.Matte(ctx, img, picture.Hints{})
			return err
		}
	}
	before, err := median(10, cut("fast"))
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	if err := cut("opencv")(); err != nil {
		return 0, 0, err
	}
	slow = time.Since(start)
	after, err := median(10, cut("fast"))
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

A JPEG in, a PNG with transparency out, by %d photos. The codecs alone are decoding the JPEG and writing the same PNG: OpenCV's (libjpeg-turbo; libpng
at level 1 with run-length matching, its fastest), and bgremove's own, whose PNG writer is several times as fast and works on all cores.

| size | cores | OpenCV's codecs, ms | own codecs, ms | all, ms | all ÷ OpenCV's codecs | all ÷ own codecs | one core ÷ two |
|---|---|---|---|---|---|---|---|
`, mostPhotos)
	}
	for _, mp := range []float64{1, 12} {
		var w wholeTimes
		for i := range mostPhotos {
			if err := w.measure(ctx, r, photoFile(o, i, mp)); err != nil {
				return err
			}
		}
		if err := w.write(o, out, mp, cores); err != nil {
			return err
		}
	}
	return nil
}

// wholeTimes are, photo by photo, in ms; ratios are of times of the same photo.
type wholeTimes struct {
	native, own, total, byNative, byOwn []float64
}

func (w *wholeTimes) measure(ctx context.Context, r *imaging.Remover, file string) error {
	const runs = 15
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	result, err := r.Remove(ctx, data, option.Options{})
	if err != nil {
		return err
	}
	pix, size, err := pixels(result.Data)
	if err != nil {
		return err
	}
	native, err := median(runs, func() error { return nativeCodecs(data, pix, size) })
	if err != nil {
		return err
	}
	own, err := median(runs, func() error {
		if _, err := decode(data); err != nil {
			return err
		}
		_, err := pngenc.Encode(size.X, size.Y, pngenc.RGBA, 0,
			func(y int, dst []byte) { copy(dst, pix[4*size.X*y:]) })
		return err
	})
	if err != nil {
		return err
	}
	total, err := median(runs,
		func() error { _, err := r.Remove(ctx, data, option.Options{}); return err })
	if err != nil {
		return err
	}
	w.native, w.own, w.total = append(w.native, ms(native)), append(w.own, ms(own)),
		append(w.total, ms(total))
	w.byNative = append(w.byNative, float64(total)/float64(native))
	w.byOwn = append(w.byOwn, float64(total)/float64(own))
	return nil
}

// write keeps the time of one core for that of two.
func (w *wholeTimes) write(o options, out io.Writer, mp float64, cores int) error {
	kept := inWork(o, fmt.Sprintf("whole-%g", mp))
	speedUp := ""
	if cores == 1 {
		if err := os.WriteFile(kept, fmt.Append(nil, middle(w.total)), 0o644); err != nil {
			return err
		}
	} else {
		var one float64
		data, err := os.ReadFile(kept)
		if err != nil {
			return err
		}
		if _, err := fmt.Sscan(string(data), &one); err != nil {
			return err
		}
		if speedUp = fmt.Sprintf("**%.2f**", one/middle(w.total)); mp == 12 {
			speedUp += " (wanted: ≥ 1.7)"
		}
	}
	wanted := ""
	if cores == 1 {
		wanted = fmt.Sprintf(" (wanted: ≤ %d)", map[float64]int{1: 3, 12: 2}[mp])
	}
	fmt.Fprintf(out, "| %g MP | %d | %.1f | %.1f | %.1f | **%.2f** (%.2f–%.2f)%s | **%.2f** "+
		"(%.2f–%.2f)%s | %s |\n", mp, cores, middle(w.native), middle(w.own), middle(w.total),
		middle(w.byNative), slices.Min(w.byNative), slices.Max(w.byNative), wanted, middle(w.byOwn),
		slices.Min(w.byOwn), slices.Max(w.byOwn), wanted, speedUp)
	return nil
}

// nativeCodecs decodes a JPEG and writes pixels, RGBA, as PNG with OpenCV.
func nativeCodecs(data, pix []byte, size image.Point) error {
	m := gocv.NewMat()
	defer m.Close()
	if err := gocv.IMDecodeIntoMat(data, gocv.IMReadColor, &m); err != nil {
		return err
	}
	// as BGRA: the time is the same
	out, err := gocv.NewMatFromBytes(size.Y, size.X, gocv.MatTypeCV8UC4, pix)
	if err != nil {
		return err
	}
	defer out.Close()
	buf, err := gocv.IMEncodeWithParams(gocv.PNGFileExt, out,
		[]int{gocv.IMWritePngCompression, 1, gocv.IMWritePngStrategy, gocv.IMWritePngStrategyRle})
	if err != nil {
		return err
	}
	buf.Close()
	return nil
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
