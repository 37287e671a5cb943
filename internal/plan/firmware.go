package plan

import "strings"

// FirmwareAgrees says whether what a device says of its firmware is what was planned.
func FirmwareAgrees(planned, said string, fit Fit) bool {
	a, b := version(planned), version(said)
	if fit == FitAny || strings.Join(a, ".") == strings.Join(b, ".") || alike(strings.Join(a, "."), strings.Join(b, ".")) {
		return true
	}
	switch fit {
	case FitPart:
		if len(a) > len(b) {
			return false
		}
		for i := range a {
			if a[i] != b[i] {
				return false
			}
		}
		return len(a) > 0
	case FitLater:
		for i := range min(len(a), len(b)) {
			switch {
			case len(a[i]) != len(b[i]):
				return len(b[i]) > len(a[i])
			case a[i] != b[i]:
				return b[i] > a[i]
			}
		}
		return len(b) >= len(a)
	}
	return false
}

// version takes a firmware apart: "V2.09.4" is 2, 9, 4. Parts are without leading zeros.
func version(s string) []string {
	s = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(s), "vV "))
	if s == "" {
		return nil
	}
	parts := strings.Split(s, ".")
	for i := range parts {
		if p := strings.TrimLeft(parts[i], "0"); p != "" {
			parts[i] = p
		} else if parts[i] != "" {
			parts[i] = "0"
		}
	}
	return parts
}

// CodeAgrees compares order codes; a series letter behind a slash ("1756-EN2T/D")
// counts only where both have one.
func CodeAgrees(planned, said string) bool {
	a, seriesA, hasA := strings.Cut(planned, "/")
	b, seriesB, hasB := strings.Cut(said, "/")
	return alike(planned, said) || alike(a, b) && (!hasA || !hasB || strings.EqualFold(seriesA, seriesB))
}

// Alike compares names and codes with and without blanks and dashes.
func Alike(a, b string) bool { return alike(a, b) }
