// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import pronto.v1.JobEvent;

/** What a client follows at the moment, so that its end is the end of all of it. */
final class Followings implements AutoCloseable {
  private final Lanes lanes;
  private final Engine engine;
  private final Set<Following> open = new HashSet<>();
  private boolean closed;

  Followings(Lanes lanes, Engine engine) {
    this.lanes = lanes;
    this.engine = engine;
  }

  /** A following that is known here, and not started yet. */
  Following add(String jobId, FollowOptions options, Following.Sink sink) {
    synchronized (open) {
      if (closed) {
        throw new IllegalStateException(Closing.WHY);
      }
      Registered registered = new Registered(sink, lanes.take());
      Following following = new Following(registered.lane, engine, jobId, options, registered);
      registered.begins(following);
      open.add(following);
      return following;
    }
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
    end().forEach(Following::close);
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
    private final Lanes.Lane lane;
    private Following following;

    Registered(Following.Sink sink, Lanes.Lane lane) {
      this.sink = sink;
      this.lane = lane;
    }

    @Override
    public void begins(Following begun) {
      following = begun;
      sink.begins(begun);
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
      lane.giveBack();
      sink.ended(error);
    }
  }
}
