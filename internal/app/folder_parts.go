package app

import (
	"path/filepath"
	"slices"

	"github.com/skanse/skanse/internal/care"
)

// kept says what a snapshot does with a part of the data folder.
type kept int

const (
	notKept    kept = iota
	keptCopy        // the database: a consistent copy, or its tables
	keptWhole       // every file as it is
	keptSealed      // every file sealed to the recovery kit, public halves readable
)

// part is one thing in the data folder.
type part struct {
	name string // of the file or folder; * stands for anything
	kept kept
	why  string // for what is not kept
}

const (
	captureFolder    = "captures"
	attachmentFolder = "attachments"
	detectionFolder  = "detections"
	keyFolder        = "keys"
	recognisedFolder = "recognised" // *.yaml of the user's own patterns
	logFolder        = "logs"       // log lines, a file a source and day
)

// dataParts lists everything that ever lies in the data folder. A test fails when
// something lies there that is not listed: say here whether a snapshot needs it.
func dataParts() []part {
	return []part{
		{name: "skanse.db", kept: keptCopy},
		{name: captureFolder, kept: keptWhole},
		{name: attachmentFolder, kept: keptWhole},
		{name: detectionFolder, kept: keptWhole},
		{name: keyFolder, kept: keptSealed},
		{name: recognisedFolder, kept: keptWhole},
		{name: logFolder, kept: keptWhole},
		{name: "skanse.db-wal", why: "folded into the copy of the database"},
		{name: "skanse.db-shm", why: "SQLite makes it anew"},
		{name: "skanse.db.before-*", why: "copies made before an upgrade; snapshots of that time hold the same"},
		{name: "skanse.db.lock", why: "says which process holds the folder"},
		{name: "skanse.sock", why: "the door for commands of this machine, while a server runs"},
		{name: "edge", why: "the outbox of this machine's own sensor: a restored one would speak twice with one voice, so it begins anew"},
		{name: "rings", why: "packets of the last while: large, short-lived, and full of what others say to each other"},
		{name: "cuts", why: "packets that somebody cut out: downloaded within a day, then removed"},
		{name: care.SpoolDir, why: "where a snapshot is being built"},
		{name: "lost+found", why: "the file system's own"},
	}
}

// dataPart finds the part that a name in the data folder belongs to.
func dataPart(name string) (part, bool) {
	all := dataParts()
	i := slices.IndexFunc(all, func(p part) bool {
		ok, err := filepath.Match(p.name, name)
		return ok && err == nil
	})
	if i < 0 {
		return part{}, false
	}
	return all[i], true
}
