// SPDX-License-Identifier: Apache-2.0

// Command search finds engineers and prints them as they are found:
//
//	go run ./examples/search 20
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/examples/internal/server"
	"pronto-grpc/clients/go/prontov1"
)

func main() {
	log.SetFlags(0)
	limit := 20
	if len(os.Args) > 1 {
		var err error
		if limit, err = strconv.Atoi(os.Args[1]); err != nil {
			log.Fatal("usage: search [LIMIT]")
		}
	}
	// Ctrl-C leaves the stream. The job goes on; JobService.CancelJob would end it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	client, err := server.Connect()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err := search(ctx, client, int32(limit)); err != nil {
		log.Fatal(err)
	}
}

func search(ctx context.Context, client *pronto.Client, limit int32) error {
	// With a request_id the client repeats the call by itself when the connection
	// breaks: the server starts one search however often it is asked.
	start, err := client.Leads.StartLeadSearch(ctx, &prontov1.SearchLeadsRequest{
		Filters:   &prontov1.LeadFilters{JobTitles: []string{"engineer"}},
		Limit:     proto.Int32(limit),
		RequestId: rand.Text(),
	})
	if err != nil {
		return err
	}
	// The loop survives broken connections and restarts of the server.
	stream := client.Follow(start.GetJob().GetId())
	for event, err := range stream.Events(ctx) {
		if err != nil {
			return err
		}
		if result := event.GetLead(); result != nil {
			person := result.GetLead()
			fmt.Printf("%s %s, %s at %s\n", person.GetFirstName(), person.GetLastName(),
				person.GetTitle(), result.GetCompany().GetName())
		}
	}
	// The account says whether everything that was found has arrived.
	account := stream.Account()
	outcome := strings.TrimPrefix(account.GetOutcome().String(), "JOB_OUTCOME_")
	fmt.Printf("%s: %d people\n", outcome, account.GetCounts().GetDelivered())
	return nil
}
