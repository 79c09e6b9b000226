package fleet

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// maxReply bounds a reply of Redis, bytes.
const maxReply = 1 << 20

// RedisInfo returns a number of a section of Redis' INFO. addr may begin with redis://.
func RedisInfo(ctx context.Context, addr, section, name string) (int64, error) {
	info, err := redisCommand(ctx, strings.TrimPrefix(addr, "redis://"), "INFO "+section)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(info) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), name+":"); found {
			return strconv.ParseInt(value, 10, 64)
		}
	}
	return 0, fmt.Errorf("INFO %s has no %s", section, name)
}

// redisCommand sends a command without arguments to quote and returns its reply, a string: the
// inline form of the Redis protocol,
// https://redis.io/docs/latest/develop/reference/protocol-spec/. An error reply is an error.
func redisCommand(ctx context.Context, addr, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", err
		}
	}
	if _, err := io.WriteString(conn, command+"\r\n"); err != nil {
		return "", err
	}
	r := bufio.NewReader(io.LimitReader(conn, maxReply))
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSpace(line)
	kind, rest := line[:min(1, len(line))], line[min(1, len(line)):]
	switch kind {
	case "+":
		return rest, nil
	case "$":
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 || n > maxReply {
			return "", fmt.Errorf("%s is answered %.100q", command, line)
		}
		text := make([]byte, n)
		_, err = io.ReadFull(r, text)
		return string(text), err
	}
	return "", fmt.Errorf("%s is answered %.100q", command, line)
}
