// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.Channel;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import pronto.v1.JobEvent;

/** What a client follows at the moment, so that its end is the end of all of it. */
final class Followings implements AutoCloseable {
  private final Channel channel;
  private final Engine engine;
  private final Link link;
  private final Set<Following> open = new HashSet<>();
  private boolean closed;

  Followings(Channel channel, Engine engine, Link link) {
    this.channel = channel;
    this.engine = engine;
    this.link = link;
  }

  /** A following that is known here, and not started yet. */
  Following add(String jobId, FollowOptions options, Following.Sink sink) {
    Registered registered = new Registered(sink);
    Following following = new Following(channel, engine, link, jobId, options, registered);
    registered.following = following;
    synchronized (open) {
      if (closed) {
        throw new IllegalStateException("the client is closed");
      }
      open.add(following);
    }
    return following;
  }

  /** Refuses what cannot be the id of a job. */
  static String checked(String jobId) {
    if (jobId.isEmpty()) {
      throw new IllegalArgumentException("there is no job to follow: its id is empty");
    }
    return jobId;
  }

  int size() {
    synchronized (open) {
      return open.size();
    }
  }

  @Override
  public void close() {
    // Not under the lock: what ends removes itself.
    end().forEach(following -> following.cancel("the client was closed"));
  }

  private List<Following> end() {
    synchronized (open) {
      closed = true;
      return List.copyOf(open);
    }
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
      synchronized (open) {
        open.remove(following);
      }
      sink.ended(error);
    }
  }
}
