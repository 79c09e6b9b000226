package queue

import (
	"embed"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// scripts are the transitions; arguments and answers are described at the top of each file in lua/.
type scripts struct {
	enqueue, restore, list, gone, claim, heartbeat, complete *redis.Script
	fail, release, cancel, requeue, remove                   *redis.Script
	spend, refund, hooksDue, hooksSettle                     *redis.Script
}

// loadScripts puts before each transition only the parts that it calls: miniredis compiles the
// whole text at every call.
func loadScripts() scripts {
	return scripts{
		enqueue: script("lib_head", "lib_tell", "lib_hold", "lib_list", "lib_wake", "lib_room",
			"lib_forget", "lib_hook", "lib_recent", "enqueue"),
		restore: script("lib_head", "lib_hold", "lib_list", "lib_forget", "lib_hook",
			"lib_recent", "restore"),
		list: script("lib_head", "list"),
		gone: script("lib_head", "gone"),
		claim: script("lib_head", "lib_drain", "lib_tell", "lib_hold", "lib_list", "lib_wake",
			"lib_forget", "lib_hook", "lib_finish",
			"claim"),
		heartbeat: script("lib_head", "lib_drain", "heartbeat"),
		complete: script("lib_head", "lib_drain", "lib_tell", "lib_hold", "lib_forget",
			"lib_hook", "lib_finish", "complete"),
		fail: script("lib_head", "lib_drain", "lib_tell", "lib_hold", "lib_wake",
			"lib_forget", "lib_hook", "lib_finish", "fail"),
		release: script("lib_head", "lib_drain", "lib_tell", "lib_list", "lib_wake", "release"),
		cancel: script("lib_head", "lib_drain", "lib_tell", "lib_hold", "lib_list",
			"lib_forget", "lib_hook", "lib_finish", "cancel"),
		requeue: script("lib_head", "lib_tell", "lib_hold", "lib_list", "lib_wake",
			"lib_room", "requeue"),
		remove:      script("lib_head", "lib_drain", "lib_tell", "delete"),
		spend:       script("lib_head", "budget"),
		refund:      script("lib_head", "refund"),
		hooksDue:    script("lib_head", "lib_drain", "hooks_due"),
		hooksSettle: script("lib_head", "lib_drain", "hooks_settle"),
	}
}

func script(parts ...string) *redis.Script {
	var text strings.Builder
	for _, part := range parts {
		b, err := luaFiles.ReadFile("lua/" + part + ".lua")
		if err != nil {
			panic(err) // a file of this binary: cannot be missing
		}
		text.Write(b)
	}
	return redis.NewScript(text.String())
}
