import MetadataService

// What a ``GuestExchange`` asks of whoever performs it, and what it may be in the middle of.

extension GuestExchange {
  enum Action: Sendable {
    /// Nothing to do before the next event.
    case wait
    case ask(Question, body: [UInt8])
    /// Tell the guest to send its body.
    case sendContinue
    case send(Reply)
    /// Send the answer to what is no request.
    case refuse(Refusal, Reply)
    /// Call ``written(now:)`` once everything is written.
    case finishWriting
    /// Tell the guest that nothing more comes; what it sends is still read.
    case closeOutput
    case close
  }

  /// An answer and how it is framed.
  struct Reply: Sendable {
    enum Connection: Sendable, Hashable {
      /// The version's own habit: the connection goes on.
      case implied
      /// HTTP/1.0 must be told.
      case keepAlive
      case close
    }

    let answer: GuestAnswer
    /// The body is counted, not sent.
    var isHead = false
    let connection: Connection
  }

  enum State: Sendable, Hashable {
    /// No byte of a request is here.
    case idle
    case head
    case body
    /// An answer is outstanding.
    case asked
    /// The guest is over its budget. Until the deadline nothing is read and nothing asked, so that
    /// it costs no more than a timer to be over it.
    case paused
    /// The last answer is given to be sent; then the connection ends.
    case ending(lingers: Bool)
    /// As `ending`, and its writing is under way.
    case flushing(lingers: Bool)
    /// Our side is closed. Input is thrown away, so that a reset does not overtake the answer.
    case lingering
    case closed
  }
}
