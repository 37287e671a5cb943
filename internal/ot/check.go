package ot

import "time"

// Fold says how a check's rows become its value.
type Fold uint8

// The ways to fold rows. Share is passed ÷ judged; Count counts failing rows; the
// others fold the rows' own values.
const (
	Share Fold = iota
	Count
	Sum
	Max
	Min
)

// SQL is a statement with its arguments; ? marks an argument on both engines.
type SQL struct {
	Text string
	Args []any
}

// Check is a relation over what is watched. Population, judged, passed and the
// drill-down all come from the same rows, so that "none found" has a
// population and a check without rows is unknown, never passed.
type Check struct {
	ID    string // as in catalog/requirements: "remote.bypass"
	Title string // one sentence; what a row is
	Unit  string // of a row's value: "conversations", "hours" …; may be empty
	Fold  Fold
	Reads []Topic // what makes its answer stale
	// Items returns one SELECT over all sites at once with the columns
	//   site_no, kind, ref, label, verdict, value, reason
	// kind and ref make a Ref, label is for people, verdict is pass, fail or
	// unknown, value a number or NULL, reason one sentence.
	Items func(now time.Time) SQL
	// Wants says, for people, what would answer it where it is unknown.
	Wants string
}
