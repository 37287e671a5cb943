// Package web embeds the built interface. A fresh clone has only the
// placeholder, so that the Go build needs no npm; the server then says how to build it.
package web

import "embed"

// Dist holds dist/; without index.html the interface has not been built.
//
//go:embed all:dist
var Dist embed.FS
