package eval

import (
	"strings"
	"testing"
)

func TestPrintCalibration(t *testing.T) {
	area := .75
	bins := make([]Bin, 10)
	bins[9] = Bin{N: 3, Confidence: .95, Good: 2. / 3}
	report := &Report{Engines: []Summary{{
		Engine:      "fast",
		Calibration: &Calibration{Threshold: .8, Bins: bins, ECE: .283, AUROC: &area},
	}}}
	var out strings.Builder
	if err := report.WriteTable(&out, true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Reliability of fast (good: IoU ≥ 0.8)\n", "0.0–0.1         0",
		"0.9–1.0         3            0.950  0.667\n",
		"expected calibration error 0.283, AUROC 0.750\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
