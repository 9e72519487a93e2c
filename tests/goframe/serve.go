package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gogf/gf/v2/frame/g"
	"github.com/gogf/gf/v2/net/ghttp"
	"github.com/gogf/gf/v2/os/gsession"
)

// serve answers until it is ended. It prints one line when it listens.
func serve(listen string, storage gsession.Storage, ttl time.Duration) {
	server := g.Server()
	server.SetAddr(listen)
	server.SetDumpRouterMap(false)
	server.SetAccessLogEnabled(false)
	server.SetErrorLogEnabled(false)
	server.Logger().SetStdoutPrint(false)
	server.SetSessionStorage(storage)
	server.SetSessionMaxAge(ttl)
	server.BindHandler("POST:/login", func(r *ghttp.Request) {
		values := map[string]any{
			"user": r.Get("user").String(), "roles": []string{"admin", "editor"}, "visits": 1, "ratio": 1.5, "ok": true,
			"none": nil, "profile": map[string]any{"city": "Paris", "zip": 75001},
		}
		for key, value := range values {
			r.Session.MustSet(key, value)
		}
		answer(r, r.Session.MustId())
	})
	server.BindHandler("GET:/get", func(r *ghttp.Request) {
		value := r.Session.MustGet(r.Get("key").String())
		if value == nil {
			answer(r, nil)
			return
		}
		answer(r, map[string]any{"text": value.String(), "int": value.Int64()})
	})
	server.BindHandler("GET:/data", func(r *ghttp.Request) { answer(r, r.Session.MustData()) })
	server.BindHandler("POST:/set", func(r *ghttp.Request) {
		var value any
		decoder := json.NewDecoder(strings.NewReader(r.Get("json").String()))
		decoder.UseNumber()
		if err := decoder.Decode(&value); err != nil {
			r.Response.WriteStatusExit(http.StatusBadRequest, err.Error())
		}
		r.Session.MustSet(r.Get("key").String(), value)
	})
	server.BindHandler("POST:/incr", func(r *ghttp.Request) {
		key := r.Get("key").String()
		next := int64(1)
		if value := r.Session.MustGet(key); value != nil {
			next = value.Int64() + 1
		}
		r.Session.MustSet(key, next)
		answer(r, next)
	})
	server.BindHandler("POST:/remove", func(r *ghttp.Request) { r.Session.MustRemove(r.Get("key").String()) })
	server.BindHandler("POST:/logout", func(r *ghttp.Request) {
		if err := r.Session.RemoveAll(); err != nil {
			r.Response.WriteStatusExit(http.StatusInternalServerError, err.Error())
		}
	})
	go func() {
		for {
			if connection, err := net.Dial("tcp", listen); err == nil {
				_ = connection.Close()
				fmt.Println("listening on", listen)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	server.Run()
	os.Exit(1)
}

func answer(r *ghttp.Request, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		r.Response.WriteStatusExit(http.StatusInternalServerError, err.Error())
	}
	r.Response.Write(text)
}
