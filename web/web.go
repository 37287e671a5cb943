// Package web embeds the built interface. A fresh clone has only the
// placeholder, so that the Go build needs no npm; the server then says how to build it.
package web

import "embed"

// Dist holds dist/; without index.html the interface has not been built.
//
//go:embed all:dist
var Dist embed.FS

// Content holds what the catalogue's requirements, checks and record types are called in
// other languages. The interface reads the same files; the server needs the names
// inside its own sentences.
//
//go:embed src/texts/content.*.json
var Content embed.FS
