package predict

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"bgremove/imaging/stage"
)

// headerTiming has the stages of a result, in ms:
// https://www.w3.org/TR/server-timing/. Browsers show it.
const headerTiming = "Server-Timing"

// Bounds on what is read of a header: there are some 15 stages.
const (
	maxStages    = 64
	maxStageName = 64
	maxStageTime = 24 * time.Hour
)

func writeTiming(stages stage.Stages) string {
	metrics := make([]string, len(stages))
	for i, s := range stages {
		metrics[i] = fmt.Sprintf("%s;dur=%.3f", s.Name, float64(s.Took)/1e6)
	}
	return strings.Join(metrics, ", ")
}

// readTiming takes what it can read: servers between may add metrics of their own. Of two with one
// name it takes the first. Quoted descriptions that hold a comma or a semicolon are not understood,
// and make it leave out what they belong to.
func readTiming(headers []string) (stages stage.Stages) {
	seen := map[string]bool{}
	for metric := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name, params, _ := strings.Cut(metric, ";")
		name = strings.TrimSpace(name)
		took, ok := duration(params)
		if !ok || !isStageName(name) || seen[name] {
			continue
		}
		if len(stages) == maxStages {
			break
		}
		seen[name] = true
		stages = append(stages, stage.Stage{Name: name, Took: took})
	}
	return stages
}

// duration finds dur among a metric's parameters.
func duration(params string) (time.Duration, bool) {
	for param := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(strings.TrimSpace(key), "dur") {
			continue
		}
		ms, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		// the negation refuses NaN too
		if err != nil || !(ms >= 0 && ms <= float64(maxStageTime.Milliseconds())) {
			return 0, false
		}
		return time.Duration(ms * float64(time.Millisecond)), true
	}
	return 0, false
}

func isStageName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= maxStageName
}
