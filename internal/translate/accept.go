package translate

import (
	"slices"
	"strconv"
	"strings"
)

// Accepted picks the language of an Accept-Language header: the most wanted of those
// that are spoken here.
func Accepted(header string) string {
	best, weight := English, 0.0
	for part := range strings.SplitSeq(header, ",") {
		tag, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		lang, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		w := 1.0
		if _, v, ok := strings.Cut(q, "="); ok {
			if f, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
				w = f
			}
		}
		if w > weight && (lang == English || slices.Contains(Languages(), lang)) {
			best, weight = lang, w
		}
	}
	return best
}
