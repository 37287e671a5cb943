package sensor

import "sync"

// workers are goroutines that serve the lanes, so many lanes each. The reader
// copies packets into batches; a worker decodes its lanes' packets in order.
type workers struct {
	in   []chan *batch
	fill []*batch
	free chan *batch
	busy sync.WaitGroup // batches under way
	done sync.WaitGroup
}

// batch is packets of one worker, with their bytes.
type batch struct {
	packets []Packet
	lane    []uint8
	data    []byte
}

const (
	batchPackets = 256
	batchBytes   = 256 << 10
)

// start starts n workers and returns what stops them and waits for their end.
func (e *engine) start(n int) func() {
	w := &workers{free: make(chan *batch, 4*n)}
	for range n {
		in, f := make(chan *batch, 2), &frame{}
		w.in = append(w.in, in)
		w.fill = append(w.fill, nil)
		w.done.Go(func() {
			for b := range in {
				e.serve(b, f)
				b.packets, b.lane, b.data = b.packets[:0], b.lane[:0], b.data[:0]
				select {
				case w.free <- b:
				default:
				}
				w.busy.Done()
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

func (e *engine) serve(b *batch, f *frame) {
	for i := range b.packets {
		l := e.lanes[b.lane[i]]
		l.frame = f
		if f.decode(&b.packets[i]) == good {
			l.packet(b.packets[i].Iface)
		}
	}
}

// take puts a packet into the batch of its lane's worker.
func (w *workers) take(e *engine, p *Packet) {
	for depth := 0; p != nil; depth++ {
		l := e.lane(p, &e.frame)
		in := e.within(p, &e.frame, depth)
		if l != nil {
			w.put(p, laneOf(&e.frame))
		}
		p = in
	}
}

func (w *workers) put(p *Packet, n int) {
	to := n % len(w.in)
	b := w.fill[to]
	if b != nil && (len(b.packets) == batchPackets || len(b.data)+len(p.Data) > cap(b.data)) {
		w.send(to)
		b = nil
	}
	if b == nil {
		select {
		case b = <-w.free:
		default:
			b = &batch{data: make([]byte, 0, batchBytes)}
		}
		if cap(b.data) < len(p.Data) {
			b.data = make([]byte, 0, len(p.Data))
		}
		w.fill[to] = b
	}
	at := len(b.data)
	b.data = append(b.data, p.Data...)
	own := *p
	own.Data = b.data[at:len(b.data):len(b.data)]
	b.packets = append(b.packets, own)
	b.lane = append(b.lane, uint8(n))
}

func (w *workers) send(i int) {
	w.busy.Add(1)
	w.in[i] <- w.fill[i]
	w.fill[i] = nil
}

// wait sends what is half full and waits until all lanes have caught up.
func (w *workers) wait() {
	for i, b := range w.fill {
		if b != nil {
			w.send(i)
		}
	}
	w.busy.Wait()
}
