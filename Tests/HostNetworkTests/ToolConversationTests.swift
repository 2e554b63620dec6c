import HostProcess
import Testing

@Suite("A conversation with a tool")
struct ToolConversationTests {
  /// A shell that does what it is told.
  private func ask(_ texts: [String], tool: String = "sh", limit: Int = 1000)
    async throws -> (
      value: [Result<ToolConversation.Answer, HostToolError>], ending: BoundedTool.Ending
    )
  {
    try await BoundedTool(in: "/tmp").converse(with: tool, [], environment: ["NP_WORD": "given"]) {
      conversation in
      var answers: [Result<ToolConversation.Answer, HostToolError>] = []
      for text in texts {
        do throws(HostToolError) {
          answers.append(
            .success(
              try await conversation.ask(
                text, until: "end 1", limit: limit,
                within: .milliseconds(texts.count == 1 ? 100 : 60_000))))
        } catch { answers.append(.failure(error)) }
      }
      return answers
    }
  }

  @Test("each answer is what came before its end, errors too, and nothing of the next")
  func answers() async throws {
    let (answers, ending) = try await ask([
      "echo a; echo 'not end 1' >&2; echo end 1\n", "echo $NP_WORD; echo end 1; echo late\n",
      "echo end 1\n",
    ])
    let texts = try answers.map { String(decoding: try $0.get().bytes, as: UTF8.self) }
    #expect(texts == ["a\nnot end 1\n", "given\n", "late\n"])
    #expect(ending == .exited(0))
  }

  @Test("a tool that ends is said to have, whatever is asked then")
  func ended() async throws {
    let (answers, ending) = try await ask(["echo a; exit 3\n", "echo b\n"])
    #expect(try answers.map { try $0.get().isWhole } == [false, false])
    #expect(try String(decoding: answers[0].get().bytes, as: UTF8.self) == "a\n")
    #expect(ending == .exited(3))
    #expect(try await ask(["x\n", "y\n"], tool: "np-no-such-tool").ending == .notStarted)
  }

  @Test("a tool that is silent for too long is killed, and so much as an answer may have is read")
  func bounds() async throws {
    let (silent, ending) = try await ask(["while :; do read x; done\n"])
    #expect(throws: HostToolError.self) { try silent[0].get() }
    #expect(ending == .signaled(9))
    let (much, _) = try await ask(["seq 10000; echo end 1\n", "exit\n"], limit: 100)
    #expect(throws: HostToolError.self) { try much[0].get() }
  }
}
