//go:build cgo

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"

	"bgremove/imaging"
	"bgremove/imaging/eval"
)

// accuracy compares the engines on photos with masks, with each kind of hint.
func accuracy(ctx context.Context, o options, out io.Writer) error {
	dir := filepath.Join(o.photos, "valid")
	pairs, _, err := eval.Pairs(filepath.Join(dir, "images"), filepath.Join(dir, "masks"))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `
## How exact

Mean over %d photos with masks that the network was not trained on. cv::grabCut at full resolution, 5 iterations, has an inset of 5 %% where
nothing is given; strokes are its mask initialisation.

| given | IoU: cv::grabCut | fast | difference | wanted | boundary F | alpha MAE |
|---|---|---|---|---|---|---|
`, len(pairs))
	widen := .07
	for _, row := range []struct {
		name   string
		hints  eval.HintConfig
		wanted float64
	}{
		{"nothing", eval.HintConfig{}, .15},
		{"roi: the mask's box and 7 %", eval.HintConfig{ROI: &widen}, .08},
		{"a few strokes", eval.HintConfig{Strokes: true}, .10},
	} {
		r, err := compare(ctx, row.hints, pairs, imaging.DefaultConfig(), "opencv", "fast")
		if err != nil {
			return err
		}
		cv, fast := r.Engines[0].Mean, r.Engines[1].Mean
		fmt.Fprintf(out, "| %s | %.3f | %.3f | **%+.3f** | ≥ %.2f | %.3f → %.3f | %.3f → %.3f |\n",
			row.name, cv.IoU, fast.IoU, fast.IoU-cv.IoU, row.wanted, cv.BoundaryF, fast.BoundaryF,
			cv.MAE, fast.MAE)
	}
	fmt.Fprint(out, "\nWith nothing given, by how often the network may look (`imaging.looks`):\n"+
		"\n| looks | IoU |\n|---|---|\n")
	for looks := 1; looks <= 3; looks++ {
		cfg := imaging.DefaultConfig()
		cfg.Looks = looks
		r, err := compare(ctx, eval.HintConfig{}, pairs, cfg, "fast")
		if err != nil {
			return err
		}
		wanted := ""
		if looks == 1 {
			wanted = " (wanted: ≥ .85)"
		}
		fmt.Fprintf(out, "| %d | %.3f%s |\n", looks, r.Engines[0].Mean.IoU, wanted)
	}
	return nil
}

func compare(
	ctx context.Context, hints eval.HintConfig,
	pairs []eval.Pair, cfg imaging.Config, engines ...string,
) (*eval.Report, error) {
	r, err := imaging.New(cfg)
	if err != nil {
		return nil, err
	}
	c := eval.Config{Limits: r.Limits(), Hints: hints, Jobs: runtime.NumCPU()}
	for _, name := range engines {
		e, err := r.Find(name)
		if err != nil {
			return nil, err
		}
		c.Engines = append(c.Engines, e)
	}
	report := eval.Run(ctx, c, pairs)
	if report.Interrupted || report.Unread > 0 {
		return nil, errors.Join(ctx.Err(), fmt.Errorf("%d of %d pictures measured, %d unread",
			len(report.Pictures), report.Asked, report.Unread))
	}
	return report, nil
}
