// SPDX-License-Identifier: Apache-2.0
package pronto;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.MethodDescriptor;

/**
 * Repeats unary calls whose request has a {@code request_id}: the server carries them out once.
 *
 * <p>No other call that may be charged is repeated: UNAVAILABLE of a broken connection may hide one
 * that was carried out.
 */
record RequestIdInterceptor(Engine engine, Pauses pauses) implements ClientInterceptor {
  @Override
  public <Q, A> ClientCall<Q, A> interceptCall(
      MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
    return method.getType() == MethodDescriptor.MethodType.UNARY && !Retries.byGrpc(method)
        ? new RepeatingCall<>(() -> next.newCall(method, options), options, engine, pauses)
        : next.newCall(method, options);
  }

  /** Whether a request names what makes it safe to repeat. */
  static boolean repeatable(Object request) {
    if (!(request instanceof Message message)) {
      return false;
    }
    FieldDescriptor field = message.getDescriptorForType().findFieldByName("request_id");
    return field != null
        && field.getJavaType() == FieldDescriptor.JavaType.STRING
        && !field.isRepeated()
        && !((String) message.getField(field)).isEmpty();
  }
}
