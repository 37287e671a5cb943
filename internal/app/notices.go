package app

import (
	"github.com/skanse/skanse/internal/egress"
	"github.com/skanse/skanse/internal/notify"
	sealing "github.com/skanse/skanse/internal/seal"
)

// openNotices puts the one way out and what is told to people outside together. The
// example company tells nobody and connects nowhere.
func (s *server) openNotices(key []byte) error {
	s.egress = egress.New(egress.Config{DB: s.db, Log: s.log, Off: s.opts.Demo})
	box, err := sealing.New(key, "notices")
	if err != nil {
		return err
	}
	s.notify, err = notify.New(s.db, notify.Config{Egress: s.egress, Box: box, Log: s.log, Version: Version, Off: s.opts.Demo, Say: s.say.Book, Fields: s.detect.Fields})
	return err
}
