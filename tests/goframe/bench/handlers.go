package main

import (
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gogf/gf/v2/net/ghttp"
)

// The same names and values as those of the other servers: tests/bench/src/servers/mod.rs says what each path does.
const (
	ok      = "ok"
	user    = "user"
	alice   = "alice"
	counter = "counter"
)

// The cookie of a bare server's login, as long as a session's, so that the requests are alike.
var cookie = &http.Cookie{Name: "gfsessionid", Value: "0123456789abcdefghijklmnopqrstuv"}

func routesWithoutSessions(server *ghttp.Server) {
	for _, path := range []string{"/untouched", "/read", "/readwrite", "/write"} {
		server.BindHandler("GET:"+path, answerOk)
	}
	server.BindHandler("GET:/login", func(r *ghttp.Request) {
		r.Cookie.SetHttpCookie(cookie)
		answerOk(r)
	})
	server.BindHandler("GET:/allocs", allocations)
}

func routes(server *ghttp.Server, slow time.Duration, keys int) {
	server.BindHandler("GET:/untouched", answerOk)
	server.BindHandler("GET:/read", read)
	server.BindHandler("GET:/readwrite", readWrite)
	server.BindHandler("GET:/write", write)
	server.BindHandler("GET:/login", login)
	server.BindHandler("GET:/slow", func(r *ghttp.Request) { readWaitWrite(r, slow) })
	server.BindHandler("GET:/keys", func(r *ghttp.Request) { countKeys(r, keys) })
	server.BindHandler("GET:/logout", logout)
	server.BindHandler("GET:/whoami", whoami)
	server.BindHandler("GET:/allocs", allocations)
}

func answerOk(r *ghttp.Request) {
	r.Response.Write(ok)
}

// allocations answers how many the process has made so far, those of the collector's own threads included.
func allocations(r *ghttp.Request) {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	r.Response.Write(strconv.FormatUint(memory.Mallocs, 10))
}

func read(r *ghttp.Request) {
	if value, err := r.Session.Get(user); err != nil || value.String() == "" {
		failed(r)
		return
	}
	answerOk(r)
}

func readWrite(r *ghttp.Request) {
	value, err := r.Session.Get(counter)
	if err != nil || value == nil || r.Session.Set(counter, value.Int64()+1) != nil {
		failed(r)
		return
	}
	answerOk(r)
}

// Another number each time, because a storage may notice that nothing changes.
var next atomic.Int64

func write(r *ghttp.Request) {
	if r.Session.Set(counter, next.Add(1)) != nil {
		failed(r)
		return
	}
	answerOk(r)
}

func login(r *ghttp.Request) {
	if r.Session.SetMap(map[string]any{user: alice, counter: 0}) != nil {
		failed(r)
		return
	}
	answerOk(r)
}

func readWaitWrite(r *ghttp.Request, slow time.Duration) {
	if _, err := r.Session.Get(user); err != nil {
		failed(r)
		return
	}
	time.Sleep(slow)
	if r.Session.Set(r.GetQuery("key").String(), 1) != nil {
		failed(r)
		return
	}
	answerOk(r)
}

func countKeys(r *ghttp.Request, keys int) {
	data, err := r.Session.Data()
	if err != nil {
		failed(r)
		return
	}
	found := 0
	for index := range keys {
		if _, there := data[fmt.Sprintf("k%d", index)]; there {
			found++
		}
	}
	r.Response.Write(strconv.Itoa(found))
}

func logout(r *ghttp.Request) {
	if r.Session.RemoveAll() != nil {
		failed(r)
		return
	}
	answerOk(r)
}

// whoami answers the user, or nothing, which GoFrame would answer with the name of the status.
func whoami(r *ghttp.Request) {
	value, err := r.Session.Get(user)
	if err != nil {
		failed(r)
		return
	}
	r.Response.WriteHeader(http.StatusOK)
	r.Response.Write(value.String())
}

func failed(r *ghttp.Request) {
	r.Response.WriteStatus(http.StatusInternalServerError)
}
