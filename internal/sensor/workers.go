package sensor

import (
	"sync"
	"sync/atomic"
)

// workers are goroutines that serve the lanes, so many lanes each. The reader copies
// packets into batches, which each of them walks.
type workers struct {
	in    []chan *batch
	walks []walker
	fill  *batch
	free  chan *batch
	busy  sync.WaitGroup // batches under way
	done  sync.WaitGroup
}

// batch is packets with their bytes.
type batch struct {
	packets []Packet
	data    []byte
	left    atomic.Int32 // workers that have not walked it yet
}

const (
	batchPackets = 512
	batchBytes   = 256 << 10
	batches      = 4 // under way: one is filled, one walked, two wait
)

// start starts n workers and returns what stops them and waits for their end.
func (e *engine) start(n int) func() {
	w := &workers{free: make(chan *batch, batches), walks: make([]walker, n)}
	for range batches {
		w.free <- &batch{packets: make([]Packet, 0, batchPackets), data: make([]byte, 0, batchBytes)}
	}
	for i := range n {
		in, walk := make(chan *batch, batches), &w.walks[i]
		*walk = newWalker(e.lanes, func(lane int) bool { return lane%n == i })
		for _, l := range walk.lanes {
			if l != nil {
				l.frame = &walk.frame
			}
		}
		w.in = append(w.in, in)
		w.done.Go(func() {
			for b := range in {
				for i := range b.packets {
					walk.take(&b.packets[i], nil)
				}
				w.walked(b)
			}
		})
	}
	e.work = w
	return func() {
		for _, in := range w.in {
			close(in)
		}
		w.done.Wait()
	}
}

// walker is one that saw all packets.
func (e *engine) walker() *walker {
	if e.work != nil {
		return &e.work.walks[0]
	}
	return &e.walk
}

// walked gives a batch back when the last worker is done with it.
func (w *workers) walked(b *batch) {
	if b.left.Add(-1) == 0 {
		b.packets, b.data = b.packets[:0], b.data[:0]
		w.free <- b
		w.busy.Done()
	}
}

// take puts a packet into the batch that is filled.
func (w *workers) take(p *Packet) {
	b := w.fill
	if b != nil && (len(b.packets) == batchPackets || len(b.data)+len(p.Data) > cap(b.data)) {
		w.send()
		b = nil
	}
	if b == nil {
		b = <-w.free
		if cap(b.data) < len(p.Data) {
			b.data = make([]byte, 0, len(p.Data))
		}
		w.fill = b
	}
	at := len(b.data)
	b.data = append(b.data, p.Data...)
	b.packets = append(b.packets, *p)
	b.packets[len(b.packets)-1].Data = b.data[at:len(b.data):len(b.data)]
}

func (w *workers) send() {
	b := w.fill
	w.fill = nil
	w.busy.Add(1)
	b.left.Store(int32(len(w.in)))
	for _, in := range w.in {
		in <- b
	}
}

// wait sends what is half full and waits until all lanes have caught up.
func (w *workers) wait() {
	if w.fill != nil {
		w.send()
	}
	w.busy.Wait()
}
