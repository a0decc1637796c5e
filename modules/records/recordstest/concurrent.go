// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package recordstest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-gateway/tollgate/modules/records"
)

// callers is how many ask at once.
const callers = 8

// race has all callers do something at once, by different stores, and returns how many of
// them it was that said yes.
func race(t *testing.T, stores []records.Store, try func(s records.Store, who int) (bool, error)) int {
	t.Helper()
	var yes atomic.Int64
	var all sync.WaitGroup
	begin := make(chan struct{})
	for who := range callers {
		all.Go(func() {
			<-begin
			ok, err := try(stores[who%len(stores)], who)
			if err != nil {
				t.Error(err)
			}
			if ok {
				yes.Add(1)
			}
		})
	}
	close(begin)
	all.Wait()
	return int(yes.Load())
}

func testOneAdds(t *testing.T, o Opener) {
	t.Parallel()
	stores := o.Open(t, 3, Options{Now: time.Now})
	for round := range o.Rounds {
		key := fmt.Sprint("a:", round)
		var winner atomic.Int64
		if n := race(t, stores, func(s records.Store, who int) (bool, error) {
			added, err := s.Add(t.Context(), key, []byte{byte(who)}, time.Hour)
			if added {
				winner.Store(int64(who))
			}
			return added, err
		}); n != 1 {
			t.Fatalf("round %d: %d have added it", round, n)
		}
		value, found, err := stores[0].Get(t.Context(), key)
		if err != nil || !found || len(value) != 1 || int64(value[0]) != winner.Load() {
			t.Fatalf("round %d: the record is %v, %v, %v, not that of the winner", round, value, found, err)
		}
		if err := stores[1].Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
}

func testOneTakes(t *testing.T, o Opener) {
	t.Parallel()
	stores := o.Open(t, 3, Options{Now: time.Now})
	for round := range o.Rounds {
		key := fmt.Sprint("a:", round)
		if err := stores[0].Put(t.Context(), key, []byte(key), time.Hour); err != nil {
			t.Fatal(err)
		}
		if n := race(t, stores, func(s records.Store, _ int) (bool, error) {
			value, found, err := s.Take(t.Context(), key)
			if found && string(value) != key {
				t.Errorf("taken was %q", value)
			}
			return found, err
		}); n != 1 {
			t.Fatalf("round %d: %d have taken it", round, n)
		}
	}
}

// testModel does what comes and compares with a map.
func testModel(t *testing.T, o Opener) {
	t.Parallel()
	f := open(t, o)
	type kept struct {
		value   string
		expires time.Time
	}
	model := make(map[string]kept)
	random := rand.New(rand.NewPCG(3, 5))
	want := func(key string) string {
		k, ok := model[key]
		if !ok || !k.expires.IsZero() && !f.clock.Now().Before(k.expires) {
			return nothing
		}
		return k.value
	}
	for step := range 4 * o.Rounds {
		key, value := fmt.Sprint("k:", random.IntN(6)), fmt.Sprint("v", step)
		var k kept
		ttl := time.Duration(random.IntN(3)) * time.Hour
		if k.value = value; ttl > 0 {
			k.expires = f.clock.Now().Add(ttl)
		}
		switch random.IntN(8) {
		case 0, 1:
			f.put(t, key, value, ttl)
			model[key] = k
		case 2:
			added, err := f.Add(t.Context(), key, []byte(value), ttl)
			if err != nil || added != (want(key) == nothing) {
				t.Fatalf("step %d: Add = %v, %v", step, added, err)
			}
			if added {
				model[key] = k
			}
		case 3, 4:
			f.is(t, key, want(key))
		case 5:
			f.takes(t, key, want(key))
			delete(model, key)
		case 6:
			if err := f.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			delete(model, key)
		case 7:
			f.pass(t, 20*time.Minute)
		}
		if step%50 == 0 {
			f.compare(t, present(model, want))
		}
	}
}

// present lists what a model has, as "key=value".
func present[V any](model map[string]V, want func(string) string) []string {
	var list []string
	for key := range model {
		if v := want(key); v != nothing {
			list = append(list, key+"="+v)
		}
	}
	slices.Sort(list)
	return list
}

func (f *fixture) compare(t *testing.T, want []string) {
	t.Helper()
	list, err := f.List(t.Context(), "k:")
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, len(list))
	for i, r := range list {
		got[i] = r.Key + "=" + string(r.Value)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("List = %s, want %s", strings.Join(got, " "), strings.Join(want, " "))
	}
}
