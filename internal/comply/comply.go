// Package comply says, requirement by requirement and site by site, what NIS2
// asks of OT, what is true right now and how we know. It reads the slices'
// tables through checks, writes evidence and levels, and keeps declarations.
// It measures nothing itself and never writes another slice's tables.
package comply
