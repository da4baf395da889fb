package cairn

import (
	"container/list"
	"sync"
)

const knownKeys = 10_000

// repeats counts writes by their derived keys.
//
// A derived key makes the write of a program that is started again the same write. But a program that writes a, then b, then
// a again means three versions: the third write gets the key of a second write of a, which is derived too. So a program that
// is started again and does the same in the same order still repeats nothing. The last 10,000 keys are known.
type repeats struct {
	mutex sync.Mutex
	begun map[string]*list.Element
	order *list.List
}

type begun struct {
	key   string
	times int
}

func newRepeats() *repeats { return &repeats{begun: map[string]*list.Element{}, order: list.New()} }

// begin returns how often the write was made before. A write that fails does not count: repeated, it is the same write. So
// undo is called after a failure.
func (r *repeats) begin(key string) (times int, undo func()) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if element, ok := r.begun[key]; ok {
		times = element.Value.(*begun).times
		r.order.Remove(element)
	}
	r.begun[key] = r.order.PushBack(&begun{key, times + 1})
	for r.order.Len() > knownKeys {
		oldest := r.order.Front()
		delete(r.begun, oldest.Value.(*begun).key)
		r.order.Remove(oldest)
	}
	return times, func() {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		if element, ok := r.begun[key]; ok && element.Value.(*begun).times == times+1 {
			element.Value.(*begun).times = times
		}
	}
}
