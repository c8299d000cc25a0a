"""A script without asyncio: several threads answer the questions of one conversation, and another one watches.

pip install agent-session-store
python script.py                # the conversation is in conversations.db
python script.py chats.db       # or in another file
"""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from sessions.blocking import Store, StoreError, open_store


def work(store: Store, name: str) -> None:
    """Do what a worker does with a message: read the conversation and answer, while the others wait for their turn."""
    session = store.session("user_123").as_author(name)
    with session.lease(holder=name) as leased:
        count = len(leased.get_items())
        leased.add_items([{"role": "user", "content": f"Question for {name}"}])
        # Here a model would be asked. A runner takes `leased.asynchronous`, as in Runner.run_sync(…, session=…).
        leased.add_items([{"role": "assistant", "content": f"{name} answers, having read {count} items."}])


def watch(store: Store, after: int, appends: int) -> None:
    """Print each answer as it comes."""
    with store.session("user_123").watch(after) as changes:
        for change in changes:
            if change.kind == "appended":
                appends -= 1
                for item in change.items:
                    print(f"{item['role']:>9}  {item['content']}", flush=True)
            if not appends:
                return


def main(path: str) -> None:
    """Have three workers share a conversation, and undo the last turn."""
    with open_store(f"sqlite:///{path}") as store:
        session = store.session("user_123")
        names = ("Ann", "Bob", "Cem")
        watcher = threading.Thread(target=watch, args=[store, session.version(), 2 * len(names)])
        watcher.start()
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda name: work(store, name), names))
        watcher.join()

        undone = session.undo()
        print(f"\nundone: {undone[0]['content']}\n")
        print(session.tree())


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "conversations.db")
    except StoreError as error:
        sys.exit(f"{sys.argv[0]}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
