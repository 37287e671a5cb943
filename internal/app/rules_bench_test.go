package app

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
)

// BenchmarkRules says what share of reading traffic the detections are: the public captures
// are read with and without rules, and what is told of them is judged. The goal is 15 %.
func BenchmarkRules(b *testing.B) {
	root := "../../../shared/corpus/captures"
	found, err := fs.Glob(os.DirFS(root), "*/*.pcap")
	if err != nil || len(found) == 0 {
		b.Skip("the public captures are not here")
	}
	files, err := shippedRules()
	if err != nil {
		b.Fatal(err)
	}
	cfg, err := sensorConfig("", slog.New(slog.DiscardHandler), files)
	if err != nil {
		b.Fatal(err)
	}
	read := func(rules *rule.Set, judge bool) (sensing, judging time.Duration) {
		for _, name := range found {
			if st, err := os.Stat(filepath.Join(root, name)); err != nil || st.Size() < 64<<10 || st.Size() > 8<<20 {
				continue
			}
			f, err := os.Open(filepath.Join(root, name))
			if err != nil {
				b.Fatal(err)
			}
			st, _ := f.Stat()
			src, err := sensor.Read(f, name, st.Size())
			if err != nil {
				f.Close()
				continue
			}
			c := cfg
			c.Rules, c.Sensor, c.Epoch, c.Shards, c.Interval = rules, name, name, 1, int64(10*time.Second)
			var sums []*sensor.Summary
			begin := time.Now()
			_ = sensor.Run(b.Context(), src, c, func(s *sensor.Summary) error { sums = append(sums, s); return nil }) // a damaged one is read as far as it goes
			sensing += time.Since(begin)
			f.Close()
			if !judge {
				continue
			}
			j := detect.NewJudge(rules, cfg.Protocols)
			begin = time.Now()
			known := map[string]string{}
			for _, s := range sums {
				look := j.Begin(detect.Seen{Delivery: sensor.Delivery{SiteNo: 1, RealmNo: 1, Source: name}, Sum: s})
				_, _ = look.End(detect.Around{Who: map[detect.Host]detect.Party{}, Known: known})
				for k, v := range look.Learnt() {
					known[k] = v
				}
			}
			judging += time.Since(begin)
		}
		return sensing, judging
	}
	read(cfg.Rules, true) // the files are in memory, conditions compiled
	var without, with, judging time.Duration
	for b.Loop() {
		x, _ := read(nil, false)
		y, z := read(cfg.Rules, true)
		without, with, judging = without+x, with+y, judging+z
	}
	b.ReportMetric(100*float64(with-without)/float64(without), "%masks/sensor")
	b.ReportMetric(100*float64(with-without+judging)/float64(without), "%rules/sensor")
}
