import pytest, os
from sessions.sqlalchemy import SQLAlchemySession
from sessions.testing import SessionContract
class TestSQLiteSA(SessionContract):
    @pytest.fixture
    def make(self, tmp_path):
        return lambda s, **k: SQLAlchemySession.from_url(s, url=f"sqlite+aiosqlite:///{tmp_path}/x.db", create_tables=True, **k)
class TestPG(SessionContract):
    @pytest.fixture
    def make(self, tmp_path):
        import subprocess
        n=f"t{abs(hash(str(tmp_path)))}"
        subprocess.run(['psql','-q','-h','127.0.0.1','-p','49641','-U','postgres','-c',f'create database {n}'],check=True)
        return lambda s, **k: SQLAlchemySession.from_url(s, url=f"postgresql+asyncpg://postgres@127.0.0.1:49641/{n}", create_tables=True, **k)
class TestMaria(SessionContract):
    @pytest.fixture
    def make(self, tmp_path):
        import subprocess
        n=f"t{abs(hash(str(tmp_path)))}"
        subprocess.run(['mariadb','--no-defaults','-h','127.0.0.1','-P','33061','-u','root','-e',f'create database {n}'],check=True)
        return lambda s, **k: SQLAlchemySession.from_url(s, url=f"mysql+asyncmy://root@127.0.0.1:33061/{n}?charset=utf8mb4", create_tables=True, **k)
