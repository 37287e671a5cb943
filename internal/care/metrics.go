package care

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// writeMetrics writes the figures in the text format of Prometheus 0.0.4. A writer of
// our own: forty lines instead of a registry, its collectors and eleven packages.
func writeMetrics(out io.Writer, at System) error {
	m := metrics{}
	m.gauge("up", "The server answers.", 1)
	m.labelled("build_info", "Version, as a label.", "version", at.Version, 1)
	m.gauge("uptime_seconds", "Since the start.", at.Now.Sub(at.StartedAt).Seconds())
	m.gauge("database_bytes", "Size of the database.", float64(at.Database.Bytes))
	m.gauge("database_free_bytes", "Unused room inside the file of SQLite.", float64(at.Database.FreeBytes))
	m.gauge("database_read_seconds", "A small question.", at.Database.ReadMS/1000)
	m.gauge("database_write_seconds", "A small change until it is safe on the disk.", at.Database.WriteMS/1000)
	if at.Disk.Known {
		m.gauge("disk_free_bytes", "Of the disk under the data folder.", float64(at.Disk.Free))
		m.gauge("disk_size_bytes", "Of the disk under the data folder.", float64(at.Disk.Size))
	}
	if at.FullInDays != nil {
		m.gauge("disk_full_days", "Days until the disk is full, by the last 30.", *at.FullInDays)
	}
	m.gauge("memory_heap_bytes", "Go heap in use.", float64(at.Memory.Heap))
	m.gauge("memory_system_bytes", "Memory that the Go runtime holds.", float64(at.Memory.System))
	m.gauge("goroutines", "Running and waiting.", float64(at.Goroutines))
	for _, q := range at.Queues {
		m.labelled("bus_behind_events", "Events that a consumer has not had.", "consumer", q.Name, float64(q.Behind))
	}
	for _, j := range at.Jobs {
		if !j.RanAt.IsZero() {
			m.labelled("job_last_run_timestamp_seconds", "End of the last turn.", "job", j.Name, float64(j.RanAt.Unix()))
		}
	}
	for _, j := range at.Jobs {
		failed := 0.0
		if j.Error != "" {
			failed = 1
		}
		m.labelled("job_failed", "1: its last turn failed.", "job", j.Name, failed)
	}
	if at.Whole != nil {
		m.gauge("snapshot_whole_timestamp_seconds", "Time of the newest snapshot that was tried and read back.", float64(at.Whole.At.Unix()))
		m.gauge("snapshot_bytes", "Its size.", float64(at.Whole.Bytes))
	}
	for _, f := range at.Figures {
		m.gauge(f.Name, f.Title, f.Value)
	}
	urgent := 0
	for _, p := range at.Problems {
		if p.Urgent {
			urgent++
		}
	}
	m.gauge("problems", "Things about the installation that a person must look at.", float64(len(at.Problems)))
	m.gauge("problems_urgent", "The urgent ones of these.", float64(urgent))
	_, err := io.WriteString(out, m.String())
	return err
}

type metrics struct {
	strings.Builder
	last string
}

func (m *metrics) gauge(name, help string, v float64) { m.labelled(name, help, "", "", v) }

func (m *metrics) labelled(name, help, label, value string, v float64) {
	name = "skanse_" + name
	if name != m.last {
		fmt.Fprintf(m, "# HELP %s %s\n# TYPE %s gauge\n", name, strings.NewReplacer("\\", `\\`, "\n", `\n`).Replace(help), name)
		m.last = name
	}
	m.WriteString(name)
	if label != "" {
		fmt.Fprintf(m, "{%s=%q}", label, strings.ToValidUTF8(value, "\uFFFD")) // Go quotes \, " and line breaks as Prometheus reads them
	}
	m.WriteString(" " + strconv.FormatFloat(v, 'g', -1, 64) + "\n")
}
