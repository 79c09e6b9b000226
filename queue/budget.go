package queue

import (
	"context"
	"fmt"
	"time"
)

// Spent is what became of a Spend.
type Spent struct {
	Left  int64         // of the budget, in the units of its cost; never negative
	Wait  time.Duration // until the cost can be granted; 0 means that it is
	Reset time.Duration // until the budget is full again

	owner, call string // what a Refund gives back
}

// Spend takes cost off an owner's budget, if it has as much: Wait is 0 then. A budget holds what
// one minute gives and refills steadily, so in any stretch of time the owner gets what that time
// gives and perMinute more at most, through however many proxies. A cost above perMinute is granted
// from a full budget, and the owner has to wait the longer for the next.
//
// Units are the caller's. A budget is kept on the queue's server, by the server's clock,
// until it is full again: an embedded queue starts with full ones. An error leaves open
// whether the cost was taken.
func (q *Queue) Spend(ctx context.Context, owner string, cost, perMinute int64) (Spent, error) {
	if cost < 1 || perMinute < 1 {
		return Spent{}, fmt.Errorf("spend: cost and budget must be at least 1, are %d and %d",
			cost, perMinute)
	}
	s := Spent{owner: owner, call: newID()}
	answer, err := q.eval(ctx, q.lua.spend, owner, cost, perMinute, s.call).Int64Slice()
	if err != nil {
		return Spent{}, unavailable("spend", err)
	}
	if len(answer) != 4 {
		return Spent{}, fmt.Errorf("spend: unexpected answer %v", answer)
	}
	s.Left = answer[1]
	s.Wait, s.Reset = time.Duration(answer[2])*time.Millisecond,
		time.Duration(answer[3])*time.Millisecond
	return s, nil
}

// Refund gives back what a Spend took, for something that was then not done after all. It must come
// within a minute, and does nothing the second time, or where nothing was granted.
func (q *Queue) Refund(ctx context.Context, s Spent) error {
	if s.Wait > 0 {
		return nil
	}
	return unavailable("refund", q.eval(ctx, q.lua.refund, s.owner, s.call).Err())
}
