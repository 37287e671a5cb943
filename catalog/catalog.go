// Package catalog embeds the content that ships with Skanse: requirements,
// detections, protocol and vendor names, texts. It holds YAML and Markdown
// and no logic; each reader checks its own files strictly.
package catalog

import "embed"

// Files holds the whole catalogue; the first folder is the reader's.
//
//go:embed all:protocols all:requirements all:detections all:texts all:vendors all:records all:recognised all:controllers all:programs
var Files embed.FS
