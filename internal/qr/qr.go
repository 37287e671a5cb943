// Package qr draws QR codes as SVG: of second steps, of asset labels.
package qr

import (
	"fmt"
	"strings"

	code "github.com/boombuler/barcode/qr"
)

// quiet is the empty margin that a reader needs, in modules.
const quiet = 4

// SVG draws a QR code: black on white whatever the page's theme, as cameras want it.
func SVG(text string) (string, error) {
	drawn, err := code.Encode(text, code.M, code.Auto)
	if err != nil {
		return "", fmt.Errorf("draw a QR code: %w", err)
	}
	n := drawn.Bounds().Dx()
	var path strings.Builder
	for y := range n {
		for x := range n {
			if r, _, _, _ := drawn.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	side := n + 2*quiet
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%dv%dh-%dz"/><path d="%s"/></svg>`,
		side, side, side, side, side, path.String()), nil
}
