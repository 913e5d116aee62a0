// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.Channel;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import pronto.v1.JobEvent;

/** What a client follows at the moment, so that its end is the end of all of it. */
final class Followings implements AutoCloseable {
  private final Channel channel;
  private final Engine engine;
  private final Link link;
  private final Set<Following> open = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  Followings(Channel channel, Engine engine, Link link) {
    this.channel = channel;
    this.engine = engine;
    this.link = link;
  }

  /** A following that is known here, and not started yet. */
  Following add(String jobId, FollowOptions options, Following.Sink sink) {
    if (jobId.isEmpty()) {
      throw new IllegalArgumentException("there is no job to follow: its id is empty");
    }
    Registered registered = new Registered(sink);
    Following following = new Following(channel, engine, link, jobId, options, registered);
    registered.following = following;
    open.add(following);
    if (closed) {
      following.cancel("the client was closed");
    }
    return following;
  }

  int size() {
    return open.size();
  }

  @Override
  public void close() {
    closed = true;
    open.forEach(following -> following.cancel("the client was closed"));
  }

  /** Forgets what has ended. */
  private final class Registered implements Following.Sink {
    private final Following.Sink sink;
    private Following following;

    Registered(Following.Sink sink) {
      this.sink = sink;
    }

    @Override
    public void event(JobEvent event) {
      sink.event(event);
    }

    @Override
    public void ended(ProntoException error) {
      open.remove(following);
      sink.ended(error);
    }
  }
}
