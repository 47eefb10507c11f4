"""People of one block: families in municipalities, ages, means, health so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from primum.simulate.chances import Floats, logistic, logit
from primum.simulate.parameters import Parameters

Ints = npt.NDArray[np.int64]
OLDEST = 99


@dataclass(frozen=True)
class Places:
    """Municipalities: how many people live there (shares), and what they share beyond their people.

    Attributes
    ----------
    shares
        Shares of the population, shape (municipalities,).
    disorder, recognition
        Log odds above the average, population mean 0, shape (municipalities,).
    """

    shares: Floats
    disorder: Floats
    recognition: Floats


@dataclass(frozen=True)
class Household:
    """People of one block; every array has shape (people,).

    `family` counts from 0 within the block; `shared` is the family's part of the log odds of the disorder.
    """

    family: Ints
    municipality: Ints
    shared: Floats
    male: npt.NDArray[np.bool_]
    age: Ints
    education: Ints
    income: Floats
    outside_work: npt.NDArray[np.bool_]
    retired: npt.NDArray[np.bool_]
    lives_alone: npt.NDArray[np.bool_]
    migrant: npt.NDArray[np.bool_]
    chronic_diseases: Ints
    contacts: Ints
    earlier_contact: npt.NDArray[np.bool_]


def places(parameters: Parameters, rng: np.random.Generator) -> Places:
    """Return the municipalities of one simulated country."""
    k = parameters.people.municipalities.value
    size = np.exp(0.7 * rng.normal(size=k))
    shares = size / size.sum()
    both = rng.normal(size=(2, k))
    both -= (both @ shares)[:, None]
    spread = parameters.disorder.municipality_spread.value, parameters.recognition.municipality_spread.value
    return Places(shares, spread[0] * both[0], spread[1] * both[1])


def household(parameters: Parameters, where: Places, rng: np.random.Generator, n: int) -> Household:
    """Return `n` people in whole families; only the last family of the block may be cut short."""
    p = parameters.people
    sizes = rng.choice(np.arange(1, len(p.family_sizes.value) + 1), size=n, p=np.array(p.family_sizes.value))
    family = np.repeat(np.arange(n), sizes)[:n]
    families = int(family[-1]) + 1
    first = np.concatenate([[0], np.cumsum(sizes[: families - 1])])
    position = np.arange(n) - first[family]
    male, age = _sex_and_age(p.female_share.value, p.head_ages.value, rng, family, position)
    municipality = np.searchsorted(np.cumsum(where.shares)[:-1], rng.random(families), side="right")[family]
    shared = parameters.disorder.family_spread.value * rng.normal(size=families)[family]
    education = np.searchsorted(np.cumsum([p.education.value[k] for k in ("short", "medium")]), rng.random(n))
    means = 0.6 * rng.normal(size=families)[family] + 0.8 * rng.normal(size=n) + 0.5 * (education - 1)
    income = p.income.value * np.exp(p.income_spread.value * means)
    retired = age >= p.retirement_age.value
    outside = ~retired & (rng.random(n) < logistic(logit(p.outside_work.value) - 0.6 * means))
    alone = rng.random(n) < logistic(logit(p.lives_alone.value) - 0.5 * (position > 0) + 0.02 * (age - 50))
    migrant = (rng.random(families) < p.migrant.value)[family]
    ill = p.chronic_diseases.value * np.exp(p.chronic_diseases_decade.value * (age - 50) / 10 - 0.1 * means)
    chronic = np.minimum(rng.poisson(ill), 8)
    mean_contacts = p.contacts.value * np.exp(0.25 * (chronic - p.chronic_diseases.value) - 0.25 * male)
    contacts = rng.poisson(mean_contacts * rng.gamma(2.0, 0.5, size=n))
    lifetime = p.earlier_contact_lifetime.value
    so_far = np.clip((age - 10) / 80, 0.01, 0.99) * np.where(male, lifetime["male"], lifetime["female"])
    earlier = rng.random(n) < logistic(np.log(so_far / (1 - so_far)) + shared)
    return Household(
        family, municipality, shared, male, age, education, income, outside, retired, alone, migrant, chronic,
        contacts, earlier,
    )  # fmt: skip


def _sex_and_age(
    female: float, bands: dict[str, float], rng: np.random.Generator, family: Ints, position: Ints
) -> tuple[npt.NDArray[np.bool_], Ints]:
    """Draw the head of each family, a partner of (mostly) the other sex and like age, then grown-up children."""
    n, families = family.size, int(family[-1]) + 1
    ends = np.array([[int(end) for end in band.split("-")] for band in bands])
    band = rng.choice(len(bands), size=families, p=np.array(list(bands.values())))
    head = ends[band, 0] + np.floor(rng.random(families) * (ends[band, 1] + 1 - ends[band, 0]))
    shift = rng.normal(size=n)
    child = np.where(head[family] >= 46, -28.0, 0.0)
    age = head[family] + np.where(position == 0, 0.0, np.where(position == 1, 4 * shift, child + 5 * shift))
    u = rng.random(n)
    head_male = (rng.random(families) >= female)[family]
    male = np.where(position == 0, head_male, np.where(position == 1, head_male != (u < 0.98), u >= female))
    return male.astype(np.bool_), np.clip(np.rint(age), 18, OLDEST).astype(np.int64)


def terms(people: Household, parameters: Parameters) -> dict[str, Floats]:
    """Return what chances depend on, each with shape (people,).

    Returns
    -------
    male, young (below 35), outside_work, lives_alone, short_education, earlier_contact, migrant: 0 or 1;
    decade: (age − 50)/10; chronic_disease: their number; low_income: −log(income/median);
    contacts: log(1 + contacts with the general practitioner) − 1.8.
    """
    found = {
        "male": people.male,
        "decade": (people.age - 50) / 10,
        "young": people.age < 35,
        "chronic_disease": people.chronic_diseases,
        "outside_work": people.outside_work,
        "lives_alone": people.lives_alone,
        "short_education": people.education == 0,
        "low_income": -np.log(people.income / parameters.people.income.value),
        "earlier_contact": people.earlier_contact,
        "migrant": people.migrant,
        "contacts": np.log1p(people.contacts) - 1.8,
    }
    return {name: np.asarray(term, dtype=np.float64) for name, term in found.items()}
