// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

// follow prints the events of a job, one on a line.
func follow(ctx context.Context, arguments []string) error {
	if len(arguments) == 0 {
		return errors.New("usage: follow JOB [AFTER]")
	}
	options, err := followOptions(arguments[1:])
	if err != nil {
		return err
	}
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()
	stream := client.Follow(arguments[0], options...)
	for event, err := range stream.Events(ctx) {
		if err != nil {
			return err
		}
		fmt.Println(event.GetSequence(), kind(event), key(event))
	}
	account := stream.Account()
	fmt.Println("account", strings.TrimPrefix(account.GetOutcome().String(), "JOB_OUTCOME_"), account.GetCounts().GetDelivered())
	return nil
}

func followOptions(arguments []string) ([]pronto.FollowOption, error) {
	var options []pronto.FollowOption
	if len(arguments) > 0 {
		after, err := strconv.ParseInt(arguments[0], 10, 64)
		if err != nil {
			return nil, err
		}
		options = append(options, pronto.After(after))
	}
	if text := os.Getenv("FOLLOW_IDLE_SECONDS"); text != "" {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, err
		}
		options = append(options, pronto.WithIdleTimeout(time.Duration(seconds*float64(time.Second))))
	}
	return options, nil
}

// kind is the name of the field of the oneof that is set.
func kind(event *prontov1.JobEvent) string {
	message := event.ProtoReflect()
	field := message.WhichOneof(message.Descriptor().Oneofs().ByName("event"))
	if field == nil {
		return "-"
	}
	return string(field.Name())
}

// key tells people apart.
func key(event *prontov1.JobEvent) string {
	if url := event.GetLead().GetLead().GetLinkedinUrl(); url != "" {
		return url
	}
	return "-"
}
