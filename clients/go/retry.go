package cairn

import (
	"context"
	"errors"
	"time"
)

// pauses are between the attempts of a call: long enough for a server to restart, and short enough for a person who waits.
var pauses = []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}

const (
	// patience is how long the first call with the same key is waited for: longer than the server takes to notice that its
	// caller died. It is also the longest pause that a server may ask for.
	patience = 90 * time.Second
	ask      = time.Second
)

// retries counts the attempts of one call.
type retries struct {
	made         int
	waitingSince time.Time
}

// wait pauses before the call is made again. It returns the same error if a retry does not help, if there were enough of
// them, or if ctx ends meanwhile.
func (r *retries) wait(ctx context.Context, err error) error {
	var known *Error
	if ctx.Err() != nil || !errors.As(err, &known) || !known.mayRetry() {
		return err
	}
	var pause time.Duration
	if known.Reason == IdempotencyInProgress {
		now := time.Now()
		if r.waitingSince.IsZero() {
			r.waitingSince = now
		}
		left := patience - now.Sub(r.waitingSince)
		if left <= 0 {
			return err
		}
		pause = known.RetryAfter
		if pause <= 0 {
			pause = ask
		}
		pause = min(pause, left)
	} else {
		if r.made == len(pauses) {
			return err
		}
		pause = min(max(known.RetryAfter, pauses[r.made]), patience)
		r.made++
	}
	if sleep(ctx, pause) != nil {
		return err
	}
	return nil
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// retried makes a call until it succeeds or a retry does not help.
func retried[T any](ctx context.Context, call func() (T, error)) (T, error) {
	var again retries
	for {
		result, err := call()
		if err == nil {
			return result, nil
		}
		if err := again.wait(ctx, err); err != nil {
			return result, err
		}
	}
}
