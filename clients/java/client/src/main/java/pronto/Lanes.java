// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.ManagedChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * The connections of streams: of jobs that are followed, and of the streaming RPCs. They are not
 * those of calls, which would wait without end once the streams that a server allows on a
 * connection are all taken.
 */
final class Lanes implements AutoCloseable {
  /** How many share a connection; servers allow 256 streams by default, proxies often 100. */
  static final int SHARES = 100;

  private final Supplier<Connection> connect;
  private final List<Lane> lanes = new ArrayList<>();
  // How many streams stay on a connection, for those that have any.
  private final Map<Connection, Integer> staying = new HashMap<>();
  private boolean closed;

  Lanes(Supplier<Connection> connect) {
    this.connect = connect;
  }

  /** A share for whoever changes connections, to be given back. */
  synchronized Lane take() {
    if (closed) {
      throw new IllegalStateException(Closing.WHY);
    }
    Lane lane =
        lanes.stream().filter(candidate -> candidate.shares < SHARES).findFirst().orElse(null);
    if (lane == null) {
      lane = new Lane();
      lanes.add(lane);
    }
    lane.shares++;
    return lane;
  }

  /** A share for one stream, which ends with its connection; to be given back. None once closed. */
  synchronized Optional<Place> place() {
    if (closed) {
      return Optional.empty();
    }
    Lane lane = take();
    staying.merge(lane.connection, 1, Integer::sum);
    return Optional.of(new Place(lane, lane.connection));
  }

  /** How many connections there are for those who come next. */
  synchronized int size() {
    return lanes.size();
  }

  /** Closes all connections. What still runs over them ends. */
  @Override
  public void close() {
    // Not under the lock: what ends gives its share back.
    end().forEach(connection -> connection.managed().shutdownNow());
  }

  /** Waits until all connections are closed that {@link #close} closed, but not for ever. */
  void awaitTermination(Duration limit) throws InterruptedException {
    long until = System.nanoTime() + limit.toNanos();
    for (Connection connection : end()) {
      connection.managed().awaitTermination(until - System.nanoTime(), TimeUnit.NANOSECONDS);
    }
  }

  private synchronized Set<Connection> end() {
    closed = true;
    // Those, too, that were left and still have streams which are well.
    Set<Connection> all = new LinkedHashSet<>(staying.keySet());
    lanes.forEach(lane -> all.add(lane.connection));
    return all;
  }

  /** The place of a connection: when that falls silent, there is another one in it. */
  final class Lane {
    private Connection connection = connect.get();
    private int shares;

    /** The connection for the next stream. */
    Connection connection() {
      synchronized (Lanes.this) {
        return connection;
      }
    }

    /** Replaces a connection, unless another one that was on it has done so. */
    void leave(Connection silent) {
      synchronized (Lanes.this) {
        if (closed || connection != silent) {
          return;
        }
        connection = connect.get();
        if (staying.containsKey(silent)) {
          // One of them may be about to begin; the last one closes it.
          return;
        }
      }
      // Streams on it that are well go on.
      silent.managed().shutdown();
    }

    /** Gives a share back. One connection is kept for those who come next. */
    void giveBack() {
      ManagedChannel unused;
      synchronized (Lanes.this) {
        shares--;
        if (shares > 0 || lanes.size() == 1) {
          return;
        }
        lanes.remove(this);
        unused = connection.managed();
      }
      unused.shutdown();
    }
  }

  /** The share of one stream, and its connection. */
  final class Place {
    private final Lane lane;
    private final Connection connection;
    private boolean given;

    private Place(Lane lane, Connection connection) {
      this.lane = lane;
      this.connection = connection;
    }

    Connection connection() {
      return connection;
    }

    /** Gives the share back, the first time. */
    void giveBack() {
      boolean unused;
      synchronized (Lanes.this) {
        if (given) {
          return;
        }
        given = true;
        staying.computeIfPresent(connection, (of, count) -> count == 1 ? null : count - 1);
        unused = lane.connection != connection && !staying.containsKey(connection);
      }
      if (unused) {
        connection.managed().shutdown();
      }
      lane.giveBack();
    }
  }
}
