// SPDX-License-Identifier: Apache-2.0
/**
 * A client of pronto-grpc.
 *
 * <p>{@link pronto.Pronto} connects and has the stubs of all services; {@link pronto.Follow} and
 * {@link pronto.FollowPublisher} follow a job through broken connections; {@link
 * pronto.ProntoException} is what went wrong. The messages are in the package {@code pronto.v1}.
 */
package pronto;
